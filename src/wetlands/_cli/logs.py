"""The command that shows the log files of an instance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance

if TYPE_CHECKING:
    from wetlands._cli.instance import Instance

__all__ = ["COMMANDS"]

_LOOK_SECONDS = 0.2
_FILES = {"workers": "environments.log", "manager": "wetlands.log"}


@click.command()
@click.argument("source", type=click.Choice(sorted(_FILES)), default="workers")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("-l", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="How many lines.")
@click.option("-n", "--name", shell_complete=complete_name, help="Only what is about this environment.")
@pass_instance
def logs(instance: Instance, source: str, lines: int, name: str | None, *, follow: bool) -> None:
    """Show what workers wrote, or what was built.

    It is the end of a log file of the instance: of its workers, or of its managers.
    """
    from wetlands._logs.tail import about, added_lines, last_lines  # noqa: PLC0415 - help needs none of it

    path = instance.folder / _FILES[source]
    if not path.exists() and not follow:
        raise click.ClickException(f"There is no {path} yet; workers and builds write it.")
    for line in last_lines(path, lines, environment=name):
        click.echo(line)
    if follow:
        added = added_lines(path, wait=lambda: time.sleep(_LOOK_SECONDS))
        for line in added if name is None else about(added, name):
            click.echo(line)


COMMANDS = (logs,)
