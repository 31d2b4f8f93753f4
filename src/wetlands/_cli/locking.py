"""The command about locks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.recipes import config_options, exclude_newer_option, package_options, python_option, recipe_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._cli.instance import Instance

__all__ = ["COMMANDS"]


@click.command()
@click.argument("name", required=False, shell_complete=complete_name)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="pixi.lock",
    show_default=True,
    help="Where to write it; a file that is there is replaced.",
)
@click.option(
    "--platform", multiple=True, metavar="PLATFORM", help="As 'linux-64', 'osx-arm64', 'win-64'. May be repeated."
)
@python_option
@package_options
@config_options
@exclude_newer_option
@pass_instance
def lock(
    instance: Instance,
    name: str | None,
    output: Path,
    platform: Sequence[str],
    python: str | None,
    conda: Sequence[str],
    channel: Sequence[str],
    pip: Sequence[str],
    local: Sequence[Path],
    file: Path | None,
    extra: Sequence[str],
    exclude_newer: str | None,
) -> None:
    """Write a lock: exactly which files, with their hashes.

    With a NAME, what that environment holds. With packages or a config file, what they resolve to on each platform;
    nothing is built.

    \b
    wetlands lock cellpose -o cellpose.lock
    wetlands lock --file environment.yml --platform linux-64 --platform win-64
    """
    recipe = recipe_of(python, conda, channel, pip, local, file=file, extra=extra)
    if name is not None and (recipe or file or platform or exclude_newer):
        raise click.UsageError(f"What {name} holds is known already: leave out the options that say what to resolve.")
    if name is None and not recipe and file is None:
        raise click.UsageError("Say what to lock: the NAME of an environment, packages, or --file.")
    platforms = platform or None
    with instance.manager() as manager:
        if name is not None:
            written = manager.export_lock(manager.load(name), output)
        elif file is None:
            written = manager.lock(recipe, output, platforms=platforms, exclude_newer=exclude_newer)
        else:
            written = manager.lock_config(
                file, output, optional_dependencies=extra, platforms=platforms, exclude_newer=exclude_newer
            )
        click.echo(written)


COMMANDS = (lock,)
