"""Workers as rows of a table, for `ps`, `top` and JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._store.parties import Party
    from wetlands._view.meter import Load
    from wetlands._view.survey import SeenEnvironment, SeenWorker

__all__ = ["Row", "duration", "progress", "rows", "size", "summary", "told", "told_problems", "told_waiting", "waiting"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Row:
    """One worker.

    Attributes:
        environment: The name of its environment.
        worker: Its index.
        pid: Its process.
        program: Who has it: a program, or the keeper of persistent workers.
        program_pid: The process of that.
        persistent: Whether no program has it now.
        state: ``"busy"``, ``"idle"``, ``"stopped"`` (by a signal or a debugger), or ``"unknown"``: who has it does not
            answer.
        target: What it runs.
        task: The id of that task.
        since: When that began.
        seconds: How long ago that was.
        message: What the task says it does.
        current: How much of it is done.
        maximum: How much there is to do.
        kept: How many results it keeps for a program to come.
        memory: Bytes that it has to itself.
        cpu: Percent of one processor, at the moment.
        queued: How many calls wait for a worker of this environment, in that program.
    """

    environment: str
    worker: int
    pid: int
    program: str
    program_pid: int
    persistent: bool
    state: str
    target: str | None
    task: str | None
    since: str | None
    seconds: float | None
    message: str | None
    current: float | None
    maximum: float | None
    kept: int
    memory: int | None
    cpu: float | None
    queued: int

    @property
    def runs(self) -> str:
        """What it does, in a few words."""
        if self.state == "unknown":
            return "(no answer)"
        what = self.target or self.state
        if self.state == "stopped" and self.target:
            what += " (stopped)"
        return f"{what}, keeps {_count(self.kept, 'result')}" if self.kept else what

    @property
    def part(self) -> float | None:
        """How much of its task is done, between 0 and 1, or None."""
        if self.current is None or not self.maximum:
            return None
        return min(1.0, max(0.0, self.current / self.maximum))

    @property
    def owner(self) -> str:
        """Who has it, in a few words."""
        return f"{'(kept)' if self.persistent else self.program} {self.program_pid}"


def rows(seen: Sequence[SeenEnvironment], loads: Mapping[int, Load], *, now: float | None = None) -> list[Row]:
    """Return a row for each worker that was seen."""
    moment = time.time() if now is None else now
    return [
        _row(environment, worker, loads.get(worker.pid), moment)
        for environment in seen
        for worker in environment.workers
    ]


def _row(environment: SeenEnvironment, worker: SeenWorker, load: Load | None, now: float) -> Row:
    party = environment.party
    since = worker.since
    return Row(
        environment=environment.environment,
        worker=worker.index,
        pid=worker.pid,
        program=party.program if party.kind == "program" else "keeper",
        program_pid=party.process.pid,
        persistent=party.kind == "keeper",
        state="stopped" if load is not None and load.stopped else worker.state,
        target=worker.target,
        task=worker.task,
        since=None if since is None else datetime.fromtimestamp(since, timezone.utc).isoformat(timespec="seconds"),
        seconds=None if since is None else round(max(0.0, now - since), 1),
        message=worker.message,
        current=worker.current,
        maximum=worker.maximum,
        kept=worker.kept,
        memory=None if load is None else load.memory,
        cpu=None if load is None or load.cpu is None else round(load.cpu, 1),
        queued=environment.queued,
    )


def told_problems(seen: Sequence[SeenEnvironment]) -> list[str]:
    """Return a sentence for each process that could not be asked."""
    found = {}
    for environment in seen:
        if environment.problem is not None:
            found[environment.party.process] = told(environment.party, environment.problem)
    return list(found.values())


def told(party: Party, problem: str) -> str:
    """Return a sentence about a process that does not answer."""
    who = str(party)
    return f"{who[0].upper()}{who[1:]} does not answer: {problem}."


def told_waiting(seen: Sequence[SeenEnvironment]) -> list[str]:
    """Return a line for each environment that has too few workers for all that is asked of it."""
    return [
        f"{environment.environment}, {environment.party.program} {environment.party.process.pid}: "
        f"{waiting(environment)}"
        for environment in seen
        if waiting(environment)
    ]


def waiting(environment: SeenEnvironment) -> str:
    """Return how many workers are being started, and calls wait; nothing if there are none."""
    parts = []
    if environment.starting:
        parts.append(f"{environment.starting} starting")
    if environment.queued:
        parts.append(f"{environment.queued} waiting")
    return ", ".join(parts)


def summary(seen: Sequence[SeenEnvironment]) -> str:
    """Return in one line how many there are of everything."""
    workers = [worker for environment in seen for worker in environment.workers]
    busy = sum(worker.state == "busy" for worker in workers)
    names = {environment.environment for environment in seen if environment.environment}
    programs = {environment.party.process for environment in seen if environment.party.kind == "program"}
    queued = sum(environment.queued for environment in seen)
    counted = [
        _count(len(programs), "program"),
        _count(len(names), "environment"),
        f"{_count(len(workers), 'worker')}, {busy} busy",
        f"{_count(queued, 'call')} waiting",
    ]
    return " · ".join(counted)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Return a time as people read it, in five characters or so."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


def size(amount: int | None) -> str:
    """Return an amount of memory as people read it, or nothing."""
    from wetlands._platform.amounts import gigabytes  # noqa: PLC0415 - help needs none of it

    return "" if amount is None else gigabytes(amount)


def progress(row: Row) -> str:
    """Return how far a task has come, in a few characters."""
    if row.part is not None:
        return f"{row.part:.0%}"
    return "" if row.current is None else f"{row.current:g}"
