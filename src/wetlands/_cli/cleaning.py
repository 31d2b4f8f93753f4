"""The command that removes what nobody needs any more."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.tables import as_json, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._cli.instance import Instance
    from wetlands._store.garbage import Cleanup

__all__ = ["COMMANDS"]

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)b?", re.IGNORECASE)
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no size. Write '500MB' or '20GB'.", param, ctx)
        return int(float(found[1]) * _BYTES[found[2].lower()])


@click.command()
@click.option("--max-age", metavar="DAYS", type=click.FloatRange(min=0), help="Remove what was not used for so long.")
@click.option("--max-size", metavar="SIZE", type=_Size(), help="Remove what was used longest ago above '20GB' in all.")
@click.option("--keep", multiple=True, metavar="NAME", shell_complete=complete_name, help="Stays. May be repeated.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@as_json
@pass_instance
def gc(
    instance: Instance,
    max_age: float | None,
    max_size: int | None,
    keep: Sequence[str],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove what nobody needs any more.

    That is what interrupted builds and deletions left behind, and environments beyond the limits; none that is in use.
    With --json nothing is asked, and nothing removed without --yes.

    \b
    wetlands gc --max-age 30 --keep cellpose
    wetlands gc --max-size 20GB --yes
    """
    age = None if max_age is None else timedelta(days=max_age)
    with instance.manager() as manager:
        collect = partial(manager.collect, max_age=age, max_size=max_size, keep=keep)
        found = collect()
        if not as_json:
            _show(found)
        if found.removed and not dry_run and (yes or not as_json):
            if not yes:
                click.confirm("Remove them?", abort=True)
            found = collect(dry_run=False)
            if not as_json:
                click.echo(f"Removed {len(found.removed)}.")
        if as_json:
            show_json(found)


def _show(found: Cleanup) -> None:
    show_table(
        ("name", "removed because", "size", "gives back", "last used"),
        [
            (
                item.name,
                item.reason,
                _size(item.size),
                _size(item.freed),
                item.last_used.strftime("%Y-%m-%d") if item.last_used else "",
            )
            for item in found.removed
        ],
        empty="There is nothing to remove.",
    )
    for item in found.kept:
        click.echo(f"{item.name} stays: {item.reason}", err=True)


def _size(count: int) -> str:
    for unit, number in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= number:
            return f"{count / number:.1f} {unit}"
    return f"{count} B"


COMMANDS = (gc,)
