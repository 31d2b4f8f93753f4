"""Commands about environments: list, create, install, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from wetlands._cli.instance import Instance, pass_instance
from wetlands._cli.tables import as_json, show_json, show_table
from wetlands._spec.project_names import project_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._spec import Dependencies

__all__ = ["COMMANDS", "complete_name"]


def complete_name(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of environments that begin so, for the shell."""
    path = context.find_root().params.get("instance") or "wetlands"
    names = Instance(Path(path)).store().names()
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _packages(command: Callable[..., object]) -> Callable[..., object]:
    """The options that name packages."""
    options = (
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
    for option in reversed(options):
        command = option(command)
    return command


@click.command("list")
@as_json
@pass_instance
def list_environments(instance: Instance, *, as_json: bool) -> None:
    """List the environments of the instance."""
    from wetlands._store.overview import overview  # noqa: PLC0415 - help and completion need none of it

    found = overview(instance.store())
    if as_json:
        show_json(found)
        return
    show_table(
        ("name", "state", "python", "built with", "created", "used by"),
        [
            (
                row.name,
                row.state,
                row.python,
                row.backend,
                row.created.replace("T", " ").partition("+")[0],
                ", ".join(map(str, row.users)),
            )
            for row in found
        ],
        empty=f"No environments in {instance.folder}.",
    )
    for row in found:
        if row.problem:
            click.echo(f"{row.name}: {row.problem}", err=True)


@click.command()
@click.argument("name", shell_complete=complete_name)
@click.option("--python", metavar="SPEC", help="Its Python, as '3.12' or '>=3.11'.")
@_packages
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A requirements.txt, environment.yml, pyproject.toml, pixi.toml, or a script with a header.",
)
@click.option("--extra", multiple=True, help="With --file: an extra, group or feature. May be repeated.")
@click.option("--replace", is_flag=True, help="Build it anew, whatever is there.")
@click.option(
    "--manager",
    type=click.Choice(["auto", "rattler", "uv", "pixi", "micromamba"]),
    default="auto",
    show_default=True,
    help="What builds it.",
)
@pass_instance
def create(
    instance: Instance,
    name: str,
    python: str | None,
    conda: Sequence[str],
    channel: Sequence[str],
    pip: Sequence[str],
    local: Sequence[Path],
    file: Path | None,
    extra: Sequence[str],
    *,
    replace: bool,
    manager: str,
) -> None:
    """Build an environment, from packages or a config file.

    One of that name and recipe is reused; one with another recipe is an error that says what differs.

    \b
    wetlands create cellpose --python 3.12 --conda cellpose --pip "torch>=2"
    wetlands create tools --file environment.yml
    """
    recipe = _recipe(python, conda, channel, pip, local)
    if file is not None and recipe:
        raise click.UsageError(f"The recipe is in {file}: leave out {', '.join(f'--{key}' for key in recipe)}.")
    if extra and file is None:
        raise click.UsageError("--extra selects parts of a config file: give that with --file.")
    with instance.manager(manager) as environments:
        if file is None:
            environment = environments.create(name, recipe, replace_existing=replace)
        else:
            environment = environments.create_from_config(
                name, file, optional_dependencies=extra, replace_existing=replace
            )
        click.echo(environment.path)


@click.command()
@click.argument("name", shell_complete=complete_name)
@_packages
@pass_instance
def install(
    instance: Instance,
    name: str,
    conda: Sequence[str],
    channel: Sequence[str],
    pip: Sequence[str],
    local: Sequence[Path],
) -> None:
    """Add packages to an environment.

    Its recipe no longer tells what is in it then.
    """
    recipe = _recipe(None, conda, channel, pip, local)
    if not recipe:
        raise click.UsageError("Say what to install: --conda, --pip or --local.")
    with instance.manager() as manager:
        for line in manager.install(manager.load(name), recipe):
            click.echo(line)


@click.command()
@click.argument("names", nargs=-1, required=True, shell_complete=complete_name)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_instance
def remove(instance: Instance, names: Sequence[str], *, yes: bool) -> None:
    """Delete environments, with everything in them."""
    with instance.manager() as manager:
        found = [manager.load(name) for name in dict.fromkeys(names)]
        if not yes:
            click.confirm(f"Delete {', '.join(environment.name for environment in found)}?", abort=True)
        for environment in found:
            manager.delete_environment(environment)
            click.echo(f"Deleted {environment.name}.")


def _recipe(
    python: str | None,
    conda: Sequence[str],
    channel: Sequence[str],
    pip: Sequence[str],
    local: Sequence[Path],
) -> Dependencies:
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
    return recipe


COMMANDS = (list_environments, create, install, remove)
