"""Commands about environments: list, create, install, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from wetlands._cli.instance import Instance, pass_instance
from wetlands._cli.recipes import config_options, exclude_newer_option, package_options, python_option, recipe_of
from wetlands._cli.tables import as_json, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "complete_name"]


def complete_name(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of environments that begin so, for the shell."""
    path = context.find_root().params.get("instance") or "wetlands"
    names = Instance(Path(path)).store().names()
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


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
@python_option
@package_options
@config_options
@click.option(
    "--lock",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Build exactly what this lock says; nothing is solved.",
)
@exclude_newer_option
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
    lock: Path | None,
    exclude_newer: str | None,
    *,
    replace: bool,
    manager: str,
) -> None:
    """Build an environment, from packages, a config file or a lock.

    One of that name and recipe is reused; one with another recipe is an error that says what differs.

    \b
    wetlands create cellpose --python 3.12 --conda cellpose --pip "torch>=2"
    wetlands create tools --file environment.yml
    wetlands create tools --lock pixi.lock
    """
    recipe = recipe_of(python, conda, channel, pip, local, file=file, extra=extra)
    with instance.manager(manager) as environments:
        if file is None:
            environment = environments.create(
                name, recipe, replace_existing=replace, lock=lock, exclude_newer=exclude_newer
            )
        else:
            environment = environments.create_from_config(
                name,
                file,
                optional_dependencies=extra,
                replace_existing=replace,
                lock=lock,
                exclude_newer=exclude_newer,
            )
        click.echo(environment.path)


@click.command()
@click.argument("name", shell_complete=complete_name)
@package_options
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
    recipe = recipe_of(None, conda, channel, pip, local)
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


COMMANDS = (list_environments, create, install, remove)
