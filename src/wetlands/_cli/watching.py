"""Commands that look at running workers: ps, top, stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.rows import duration, progress, rows, size, told, told_problems, told_waiting
from wetlands._cli.tables import as_json, show_json, show_table

if TYPE_CHECKING:
    from wetlands._cli.instance import Instance
    from wetlands._view.survey import SeenEnvironment

__all__ = ["COMMANDS"]

_MEASURE_SECONDS = 0.2
_STACK_SECONDS = 5.0


@click.command()
@click.option("-n", "--name", shell_complete=complete_name, help="Only the workers of this environment.")
@as_json
@pass_instance
def ps(instance: Instance, name: str | None, *, as_json: bool) -> None:
    """List the running workers of the instance, of all programs.

    What they run, since when and how far it is, the memory that each has to itself, and what it computes, in percent of
    one processor.
    """
    from wetlands._view.meter import Meter  # noqa: PLC0415 - help needs none of it
    from wetlands._view.survey import survey  # noqa: PLC0415 - as above

    seen = _of(name, survey(instance.folder))
    meter = Meter()
    pids = [worker.pid for environment in seen for worker in environment.workers]
    if meter.read(pids):
        time.sleep(_MEASURE_SECONDS)
    found = rows(seen, meter.read(pids))
    if as_json:
        show_json(found)
    else:
        show_table(
            ("environment", "#", "pid", "runs", "for", "progress", "message", "memory", "cpu", "program"),
            [
                (
                    row.environment,
                    str(row.worker),
                    str(row.pid),
                    row.runs,
                    duration(row.seconds),
                    progress(row),
                    row.message or "",
                    size(row.memory),
                    "" if row.cpu is None else f"{row.cpu:.0f}%",
                    row.owner,
                )
                for row in found
            ],
            empty=f"No workers run in {instance.folder}.",
            numbers=("#", "pid", "for", "progress", "memory", "cpu"),
            spare=("message", "program"),
        )
        for waiting in told_waiting(seen):
            click.echo(waiting)
    for problem in told_problems(seen):
        click.echo(problem, err=True)


@click.command()
@click.option("--once", is_flag=True, help="Show it once, and leave.")
@click.option(
    "-i",
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each look.")
@pass_instance
def top(instance: Instance, interval: float, *, once: bool, as_json: bool) -> None:
    """Watch the workers of the instance, their tasks and progress.

    It is shown anew every second, until q or Ctrl-C is pressed. Where there is no terminal, one text follows the other.
    """
    from wetlands._cli.top import show_once, tell, watch  # noqa: PLC0415 - help needs none of it

    if as_json:
        tell(instance.folder, interval, once=once)
    elif once:
        show_once(instance.folder)
    else:
        watch(instance.folder, interval)


@click.command()
@click.option("-n", "--name", required=True, shell_complete=complete_name, help="The environment.")
@click.option("-w", "--worker", type=click.IntRange(min=0), help="Only the worker of this index.")
@as_json
@pass_instance
def stack(instance: Instance, name: str, worker: int | None, *, as_json: bool) -> None:
    """Show where the workers of an environment are in their code.

    They are not disturbed, also when they are busy: it is a look at the Python stacks of their threads.
    """
    from wetlands._view.survey import ask_about  # noqa: PLC0415 - help needs none of it

    question = {"ask": "stacks", **({} if worker is None else {"worker": worker})}
    found, problems = [], []
    for answer in ask_about(instance.folder, name, question, _STACK_SECONDS):
        if answer.value is None:
            problems.append(told(answer.party, answer.problem))
        else:
            stacks = answer.value.get("stacks", {})
            found += [(int(index), answer.party, str(text)) for index, text in stacks.items()]
    if as_json:
        show_json([{"worker": index, "program_pid": party.process.pid, "stack": text} for index, party, text in found])
    for index, party, text in [] if as_json else found:
        click.secho(f"Worker {index} of {name}, {party}", bold=True)
        click.echo(text)
    for problem in problems:
        click.echo(problem, err=True)
    if not found:
        which = "No worker" if worker is None else f"No worker {worker}"
        raise click.ClickException(f"{which} of {name!r} answers in {instance.folder}; see `wetlands ps`.")


def _of(name: str | None, seen: list[SeenEnvironment]) -> list[SeenEnvironment]:
    """What is about one environment: also who may have it, and does not answer."""
    return [environment for environment in seen if name is None or environment.environment in {name, ""}]


COMMANDS = (ps, top, stack)
