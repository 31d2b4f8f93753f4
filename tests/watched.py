"""A program with workers, as it is seen from outside, without any process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pools import eventually
from wetlands._platform.process import identify
from wetlands._pool.roster import Glance
from wetlands._store.debuggers import DebugEndpoint
from wetlands._store.parties import known_parties
from wetlands._tasks.events import Progress
from wetlands._view.program import ProgramDoor
from wetlands.exceptions import DebuggerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._pool.call import Call
    from wetlands._pool.pool import Pool
    from wetlands._pool.worker import Worker


@dataclass(frozen=True)
class FakeProcess:
    pid: int


@dataclass(frozen=True)
class FakeWorker:
    index: int
    process: FakeProcess


@dataclass(frozen=True)
class FakeWork:
    call_target: str


@dataclass(frozen=True)
class FakeCall:
    """A call that has been running for two minutes."""

    target: str = "segment:run"
    progress: Progress = field(default_factory=lambda: Progress("third image", 3, 4))
    seconds: float = 120.0
    task_id: str = "abc-1"

    @property
    def work(self) -> FakeWork:
        return FakeWork(self.target)


class FakePool:
    """What each worker runs, by index; all of them are one process that lives."""

    def __init__(self, pid: int, runs: list[FakeCall | None], queued: int = 0, starting: int = 0) -> None:
        self.pid, self.runs, self.queued, self.starting = pid, runs, queued, starting

    @property
    def workers(self) -> list[FakeWorker]:
        return [FakeWorker(index, FakeProcess(self.pid)) for index in range(len(self.runs))]

    def glance(self) -> Glance:
        pairs = cast("list[tuple[Worker, Call | None]]", list(zip(self.workers, self.runs, strict=True)))
        return Glance(pairs, self.queued, self.starting)


class FakeEnvironment:
    """An environment with such a pool."""

    def __init__(
        self, name: str, *runs: FakeCall | None, queued: int = 0, starting: int = 0, pid: int | None = None
    ) -> None:
        self.name = name
        self.pool: FakePool | None = FakePool(os.getpid() if pid is None else pid, list(runs), queued, starting)
        self.debugpy = True

    @property
    def running_pool(self) -> Pool | None:
        return cast("Pool | None", self.pool)

    def debug(self) -> list[DebugEndpoint]:
        if not self.debugpy:
            raise DebuggerError("Debugging workers needs debugpy.")
        return [DebugEndpoint(self.name, 0, os.getpid(), "127.0.0.1", 5678)]

    def exit(self) -> None:
        self.pool = None


@contextmanager
def seen_program(root: Path, *environments: FakeEnvironment) -> Iterator[None]:
    """These environments are seen by whoever looks at the instance."""
    assert identify(os.getpid()) is not None
    door = ProgramDoor(root, lambda: environments, pause=0)
    door.begin()
    try:
        eventually(lambda: known_parties(root), "the program can be seen")
        yield
    finally:
        door.close()
