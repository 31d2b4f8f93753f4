"""Options that say what is wanted: packages, or a config file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wetlands._spec.project_names import project_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._spec import Dependencies

    Command = Callable[..., object]

__all__ = ["config_options", "exclude_newer_option", "package_options", "python_option", "recipe_of"]

python_option = click.option("--python", metavar="SPEC", help="Its Python, as '3.12' or '>=3.11'.")

exclude_newer_option = click.option(
    "--exclude-newer", metavar="WHEN", help="See nothing that was published later: '2026-01-31', or an age, as '7d'."
)


def package_options(command: Command) -> Command:
    """Add the options that name packages."""
    return _with(
        command,
        click.option("--conda", multiple=True, metavar="SPEC", help="A conda package, as 'numpy>=2'. May be repeated."),
        click.option("-c", "--channel", multiple=True, metavar="CHANNEL", help="A conda channel. May be repeated."),
        click.option("--pip", multiple=True, metavar="REQUIREMENT", help="A package of PyPI. May be repeated."),
        click.option(
            "--local",
            multiple=True,
            type=click.Path(exists=True, path_type=Path),
            help="The folder of a Python project. May be repeated.",
        ),
    )


def config_options(command: Command) -> Command:
    """Add the options that name a config file."""
    return _with(
        command,
        click.option(
            "-f",
            "--file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A requirements.txt, environment.yml, pyproject.toml, pixi.toml, or a script with a header.",
        ),
        click.option("--extra", multiple=True, help="With --file: an extra, group or feature. May be repeated."),
    )


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def recipe_of(
    python: str | None,
    conda: Sequence[str],
    channel: Sequence[str],
    pip: Sequence[str],
    local: Sequence[Path],
    *,
    file: Path | None = None,
    extra: Sequence[str] = (),
) -> Dependencies:
    """Return the recipe that the options name; empty when a config file says it.

    Raises:
        click.UsageError: Both say it, or parts are selected of no file.
    """
    recipe: Dependencies = {}
    if python:
        recipe["python"] = python
    if conda:
        recipe["conda"] = list(conda)
    if channel:
        recipe["channels"] = list(channel)
    if pip:
        recipe["pip"] = list(pip)
    if local:
        recipe["local"] = [{"name": project_name(path) or path.absolute().name, "path": path} for path in local]
    if file is not None and recipe:
        raise click.UsageError(f"The recipe is in {file}: leave out {', '.join(f'--{key}' for key in recipe)}.")
    if extra and file is None:
        raise click.UsageError("--extra selects parts of a config file: give that with --file.")
    return recipe
