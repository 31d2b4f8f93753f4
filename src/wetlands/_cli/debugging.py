"""The command that lets an editor attach to workers."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.rows import told
from wetlands.exceptions import DebuggerError

if TYPE_CHECKING:
    from wetlands._cli.instance import Instance
    from wetlands._store.debuggers import DebugEndpoint

__all__ = ["COMMANDS"]

_LISTEN_SECONDS = 50.0  # longer than the program waits for a worker that is in native code


@click.command()
@click.option(
    "-s",
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The folder to open in the editor.",
)
@click.option("-n", "--name", required=True, shell_complete=complete_name, help="The environment.")
@click.option("-ide", "--ide", type=click.Choice(["vscode", "pycharm"]), default="vscode", show_default=True)
@click.option("-jmc", "--just-my-code", is_flag=True, help="Step into your own files only.")
@pass_instance
def debug(instance: Instance, sources: Path, name: str, ide: str, *, just_my_code: bool) -> None:
    """Let an editor attach to the workers of an environment.

    All its workers that run listen from now on, whatever they are doing, and go on with it. The program that launched
    them needs debugpy (`pip install "wetlands[debug]"`). For VS Code, an entry for each is written into
    .vscode/launch.json of the folder, and the folder is opened; what else is in that file stays as it is. For PyCharm,
    a run configuration for each is written into .run, after the pattern of one that you have made.
    """
    from wetlands._store.debuggers import known_debuggers  # noqa: PLC0415 - help needs none of it

    problems = _have_them_listen(instance.folder, name)
    found = [endpoint for endpoint in known_debuggers(instance.folder) if endpoint.environment == name]
    for problem in problems:
        click.echo(problem, err=True)
    if not found:
        raise click.ClickException(
            f"No worker of {name!r} in {instance.folder} listens for a debugger; `wetlands ps` shows those that run. "
            "From their first call on they listen in a program with EnvironmentManager(debug=True)."
        )
    for endpoint in found:
        click.echo(f"{endpoint}.")
    if ide == "vscode":
        _vscode(sources.absolute(), found, just_my_code=just_my_code)
    else:
        _pycharm(sources.absolute(), found)


def _have_them_listen(root: Path, name: str) -> list[str]:
    """Ask everybody who has workers of an environment; why some of them do not listen."""
    from wetlands._debug.endpoint import debugpy_folder  # noqa: PLC0415 - help needs none of it
    from wetlands._store.debuggers import DebugEndpoint, note_debuggers  # noqa: PLC0415 - as above
    from wetlands._view.survey import ask_about  # noqa: PLC0415 - as above

    question = {"ask": "debug"}
    with suppress(DebuggerError):  # a program has its own debugpy, a keeper has none
        question |= {"folder": str(debugpy_folder()), "python": sys.executable}
    problems = []
    for answer in ask_about(root, name, question, _LISTEN_SECONDS):
        if answer.value is None:
            problems.append(answer.problem if answer.refused else told(answer.party, answer.problem))
        else:
            fields = [field.name for field in dataclasses.fields(DebugEndpoint)]  # a later version may tell more
            told_of = answer.value.get("endpoints", [])
            note_debuggers(root, [DebugEndpoint(**{name: found[name] for name in fields}) for found in told_of])
    return problems


def _vscode(sources: Path, found: list[DebugEndpoint], *, just_my_code: bool) -> None:
    from wetlands._debug.vscode import configuration, write_launch_file  # noqa: PLC0415 - help needs none of it

    path = write_launch_file(sources, found, just_my_code=just_my_code)
    names = [str(configuration(endpoint, sources, just_my_code=just_my_code)["name"]) for endpoint in found]
    click.echo(f"Written to {path}: {'; '.join(names)}.")
    editor = shutil.which("code")
    if editor is not None:
        subprocess.Popen([editor, str(sources)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    click.echo(
        f"{'In VS Code' if editor else 'Open the folder in VS Code'}, choose one of them under Run and Debug, and "
        "start it (F5). The Python Debugger extension must be installed."
    )


def _pycharm(sources: Path, found: list[DebugEndpoint]) -> None:
    from wetlands._debug.pycharm import EDITORS, name_of, write_run_files  # noqa: PLC0415 - help needs none of it

    written, missing = write_run_files(sources, found)
    if written:
        click.echo(f"Written: {'; '.join(map(str, written))}.")
    if missing:
        first = missing[0]
        click.echo(
            "PyCharm needs to be shown once how it attaches. Add a run configuration of the kind 'Attach to DAP' (Run, "
            f"Edit Configurations), call it {name_of(first)!r}, give it the host {first.host} and the port "
            f"{first.port}, and store it as project file. From then on this command writes those of all "
            f"workers. Path mappings are not needed: workers run the files in {sources} where they are."
        )
    editor = next(filter(None, map(shutil.which, EDITORS)), None)
    if editor is not None:
        subprocess.Popen([editor, str(sources)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    where = "In PyCharm" if editor else "Open the folder in PyCharm"
    click.echo(f"{where}, choose the configuration of a worker and debug it.")


COMMANDS = (debug,)
