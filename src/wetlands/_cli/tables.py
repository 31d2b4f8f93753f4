"""How commands print what they found: a table for people, or JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_json", "show_json", "show_table"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def show_json(found: object) -> None:
    """Print dataclasses, or a list or dictionary of them, as JSON."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False, default=_plain))


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, numbers: Sequence[str] = ()
) -> None:
    """Print rows of text under headings; what is no terminal gets all of it, however wide.

    Args:
        columns: The headings.
        rows: One text per column each.
        empty: What to say when there are no rows, on stderr.
        numbers: The columns whose texts end below each other, and are never broken.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - takes a while to import, and not all commands print a table
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        if column in numbers:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # as Text: names and paths are no markup
    if not table.rows:
        click.echo(empty, err=True)
        return
    console = Console()
    if not console.is_terminal:
        console.width = 10_000
        table.expand = False
    console.print(table)


def _plain(value: object) -> object:
    """What stands in JSON for a value that it does not know."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
