"""The command that stops the workers of an environment, whoever has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.rows import told

if TYPE_CHECKING:
    from wetlands._cli.instance import Instance
    from wetlands._view.survey import Answer

__all__ = ["COMMANDS"]

_KILL_SECONDS = 30.0


@click.command()
@click.option("-n", "--name", required=True, shell_complete=complete_name, help="The environment.")
@pass_instance
def kill(instance: Instance, name: str) -> None:
    """Stop the workers of an environment, of all programs.

    Each program is asked to, so that its workers end in good order, and the calls that they run fail. The workers of a
    program that does not answer are killed with all that they have started.
    """
    from wetlands._view.survey import ask_about  # noqa: PLC0415 - help needs none of it

    root = instance.folder
    answers = ask_about(root, name, {"ask": "kill"}, _KILL_SECONDS)
    ended, failed = 0, []
    for answer in answers:
        if answer.value is not None:
            pids = answer.value.get("killed", [])
            click.echo(f"Stopped {_workers(pids, name)} of {answer.party}.")
            ended += 1
        else:
            killed, left = _kill_noted(answer, name)
            ended += bool(killed)
            failed += left
            if killed:
                click.echo(f"Killed {_workers(killed, name)} of {answer.party}.")
            again = " Should it go on, it starts new workers." if killed and answer.party.alive else ""
            click.echo((answer.problem if answer.refused else told(answer.party, answer.problem)) + again, err=True)
    if failed:
        raise click.ClickException(f"The system does not let go of pid {', '.join(map(str, failed))}.")
    if not ended:
        raise click.ClickException(f"No workers of {name!r} run in {root}; see `wetlands ps`.")


def _kill_noted(answer: Answer, name: str) -> tuple[list[int], list[int]]:
    """Kill what a process that does not stop its workers has written down; which are gone, and which are not."""
    from wetlands._platform.process import is_alive, kill_tree  # noqa: PLC0415 - help needs none of it

    killed: list[int] = []
    left: list[int] = []
    for worker in answer.party.workers:
        if worker.environment == name and is_alive(worker.process):
            (killed if kill_tree(worker.process) else left).append(worker.process.pid)
    return killed, left


def _workers(pids: list[int], name: str) -> str:
    which = f" (pid {', '.join(map(str, pids))})" if pids else ""
    return f"{len(pids)} worker{'' if len(pids) == 1 else 's'} of {name}{which},"


COMMANDS = (kill,)
