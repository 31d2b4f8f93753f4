"""How commands print what they found: a table for people, or JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_json", "show_json", "show_table"]

_WIDE = 100

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def show_json(found: object, *, in_one_line: bool = False) -> None:
    """Print dataclasses, or a list or dictionary of them, as JSON."""
    click.echo(json.dumps(found, indent=None if in_one_line else 2, ensure_ascii=False, default=_plain))


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    empty: str,
    numbers: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """Print rows of text under headings; what is no terminal gets all of it, however wide.

    Args:
        columns: The headings.
        rows: One text per column each.
        empty: What to say when there are no rows, on stderr.
        numbers: The columns whose texts end below each other, and are never broken.
        spare: The columns that are left out on a narrow terminal.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - takes a while to import, and not all commands print a table
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console()
    if not console.is_terminal:
        console.width = 10_000
    shown = [column for column in columns if column not in spare or console.width >= _WIDE]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in shown:
        if column in numbers:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold", min_width=len(column))
    for row in rows:  # as Text: names and paths are no markup
        table.add_row(*(Text(cell) for column, cell in zip(columns, row, strict=True) if column in shown))
    if not table.rows:
        click.echo(empty, err=True)
        return
    console.print(table)


def _plain(value: object) -> object:
    """What stands in JSON for a value that it does not know."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
