"""Who runs what: events in, actions out.

No threads, no clock, no I/O; the pool holds a lock around each event, and performs the actions afterwards. Workers are
known by their index; calls are whatever the pool puts in, told apart by identity.

What it promises, and a Hypothesis state machine holds: no call is lost, none runs twice, none waits beside an idle
worker.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["Action", "Dispatch", "Fail", "Phase", "Retire", "Scheduler", "Spawn"]

C = TypeVar("C")

RESTARTS = 5
"""How many workers may be lost in a row without one finished call before the pool is given up."""

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0


@dataclass(frozen=True, slots=True)
class Dispatch(Generic[C]):
    """Send this call to that worker."""

    worker: int
    call: C


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker of that index, after a delay in seconds."""

    worker: int
    delay: float


@dataclass(frozen=True, slots=True)
class Retire:
    """Stop this worker, which runs nothing and is given nothing any more, and say why."""

    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fail(Generic[C]):
    """This call will never run; the pool says why."""

    call: C
    reason: str


Action = Dispatch[C] | Spawn | Retire | Fail[C]


class Phase(Enum):
    """What a worker is doing, as far as scheduling goes."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"


class Scheduler(Generic[C]):
    """Deals calls to the workers of one pool.

    Args:
        size: The most workers that there are.
        least: The fewest, which the pool starts at first; more are started when calls wait for one. All, if not given.
        most_tasks: The calls after which a worker is replaced; None: any number.
        first: How many the pool starts at first, where these are more than the fewest.
    """

    def __init__(
        self, size: int, *, least: int | None = None, most_tasks: int | None = None, first: int | None = None
    ) -> None:
        self._size = size
        self._least = size if least is None else least
        self._most_tasks = most_tasks
        self._phases: dict[int, Phase] = dict.fromkeys(range(first or self._least), Phase.STARTING)
        self._tasks: dict[int, int] = {}  # that a worker has run, where it matters
        self._idle: dict[int, None] = {}  # the last one to finish is the first to be used: its caches are warm
        self._running: dict[int, C] = {}
        self._queue: OrderedDict[int, C] = OrderedDict()  # by id(): first in, first out, any can be dropped at once
        self._losses = 0
        self._broken: str | None = None

    # ------------------------------------------------------------- questions

    @property
    def broken(self) -> str | None:
        """Why no call can be run any more, or None."""
        return self._broken

    @property
    def queued(self) -> int:
        """How many calls wait for a worker."""
        return len(self._queue)

    @property
    def unfinished(self) -> list[C]:
        """Every call that is queued or running."""
        return [*self._running.values(), *self._queue.values()]

    @property
    def all_running(self) -> list[C] | None:
        """What the workers run, when there are as many as there may be, and all of them are busy."""
        return list(self._running.values()) if len(self._running) == self._size else None

    @property
    def count(self) -> int:
        """How many workers there are, those that are being started included."""
        return len(self._phases)

    def phase(self, worker: int) -> Phase | None:
        """What a worker is doing; None when there is no worker of that index."""
        return self._phases.get(worker)

    def running(self, worker: int) -> C | None:
        """The call that a worker runs, or None."""
        return self._running.get(worker)

    def runs_on(self, call: C) -> int | None:
        """The worker that runs this call, or None."""
        return next((worker for worker, running in self._running.items() if running is call), None)

    # ---------------------------------------------------------------- events

    def submit(self, call: C) -> list[Action[C]]:
        """A call was asked for: it goes to an idle worker, or waits."""
        if self._broken is not None:
            return [Fail(call, self._broken)]
        worker = self.claim(call)
        if worker is not None:
            return [Dispatch(worker, call)]
        self._queue[id(call)] = call
        return [] if len(self._phases) == self._size else self._grown()

    def claim(self, call: C) -> int | None:
        """Take an idle worker for this call at once, or say that there is none."""
        if not self._idle or self._broken is not None:
            return None
        worker = next(reversed(self._idle))
        self._running[worker] = call  # first: Ctrl-C at any point here leaves what `runs_on` and `died` can mend
        self._phases[worker] = Phase.BUSY
        del self._idle[worker]
        return worker

    def ready(self, worker: int) -> list[Action[C]]:
        """A started worker said hello."""
        return self._next(worker)

    def finished(self, worker: int, worn: str | None = None) -> list[Action[C]]:
        """A worker answered its call; it is replaced if that is one too many, or if the pool says why it is worn."""
        self._losses = 0
        if self._most_tasks is not None:
            tasks = self._tasks[worker] = self._tasks.get(worker, 0) + 1
            if tasks >= self._most_tasks:
                worn = f"it has run {tasks} task{'s' if tasks > 1 else ''} (max_tasks_per_worker)"
        if worn is not None and self._broken is None:
            return self._replaced(worker, worn)
        return self._next(worker)

    def expired(self, worker: int, reason: str) -> list[Action[C]]:
        """A worker has been idle for too long: it is stopped, if it still is and there are more than there must be."""
        if worker not in self._idle or len(self._phases) <= self._least or self._broken is not None:
            return []
        del self._idle[worker]
        del self._phases[worker]
        self._tasks.pop(worker, None)
        return [Retire(worker, reason)]

    def unsent(self, worker: int, call: C) -> list[Action[C]]:
        """A worker is gone that had not come to this call: another one runs it, before all that wait."""
        self._losses += 1
        if self._running.get(worker) is call:
            del self._running[worker]
        actions = self.submit(call)
        if id(call) in self._queue:  # for it, another worker may be started
            self._queue.move_to_end(id(call), last=False)
        return actions

    def died(self, worker: int) -> list[Action[C]]:
        """A worker is gone; the pool fails the call that it ran, if there was one."""
        was_busy = self._running.pop(worker, None) is not None
        self._idle.pop(worker, None)
        self._phases[worker] = Phase.STARTING
        self._tasks.pop(worker, None)
        if self._broken is not None:
            return []
        if was_busy:  # the call is to blame, and is answered: there is progress, unless it turns out to be unsent
            return [Spawn(worker, self._delay())]
        return self._lost(worker, "workers died one after the other without running a call")

    def spawn_failed(self, worker: int, reason: str) -> list[Action[C]]:
        """A replacement could not be started."""
        return self._lost(worker, reason)

    def drop(self, call: C) -> bool:
        """Forget a queued call; False when it is not in the queue."""
        return self._queue.pop(id(call), None) is not None

    def close(self, reason: str) -> list[Action[C]]:
        """No more calls: whatever waits fails."""
        self._broken = reason
        waiting = list(self._queue.values())
        self._queue.clear()
        return [Fail(call, reason) for call in waiting]

    def _next(self, worker: int) -> list[Action[C]]:
        if self._queue:
            _, call = self._queue.popitem(last=False)
            self._phases[worker] = Phase.BUSY
            self._running[worker] = call
            return [Dispatch(worker, call)]
        self._phases[worker] = Phase.IDLE
        self._idle[worker] = None
        self._running.pop(worker, None)  # last: see claim()
        return []

    def _grown(self) -> list[Action[C]]:
        """One more worker, unless enough of them are being started for all that wait."""
        starting = sum(phase is Phase.STARTING for phase in self._phases.values())
        if starting >= len(self._queue):
            return []
        worker = next(index for index in range(self._size) if index not in self._phases)
        self._phases[worker] = Phase.STARTING
        return [Spawn(worker, 0.0)]

    def _replaced(self, worker: int, reason: str) -> list[Action[C]]:
        self._phases[worker] = Phase.STARTING
        self._running.pop(worker, None)
        self._tasks.pop(worker, None)
        return [Spawn(worker, 0.0), Retire(worker, reason)]  # in this order: the new one starts while the old one ends

    def _lost(self, worker: int, reason: str) -> list[Action[C]]:
        if self._broken is not None:
            return []
        self._losses += 1
        if self._losses <= RESTARTS:
            return [Spawn(worker, self._delay())]
        if any(phase is not Phase.STARTING for phase in self._phases.values()):
            return [Spawn(worker, _LONGEST_DELAY)]  # others still work: keep trying, slowly
        return self.close(reason)

    def _delay(self) -> float:
        """How long to wait before the next start, by how many workers were lost in a row."""
        if self._losses <= 1:
            return 0.0
        return float(min(_FIRST_DELAY * 2 ** (self._losses - 2), _LONGEST_DELAY))
