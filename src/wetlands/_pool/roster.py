"""Who lives, and who runs what: the decisions of the scheduler under one lock, each with the worker that it means.

The lock is held for decisions only, never while something is sent, waited for, or told to a user.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from wetlands._pool.scheduler import Dispatch, Fail, Phase, Retire, Scheduler
from wetlands.exceptions import NotLaunchedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.call import Call
    from wetlands._pool.policy import Policy
    from wetlands._pool.scheduler import Action
    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TaskFailure

__all__ = ["Decided", "Glance", "Roster"]

Decided = list["tuple[Action[Call], Worker | None]"]
"""Actions to perform; to a `Dispatch` or `Retire` its worker is bound: the index may soon be that of a replacement."""


class Glance(NamedTuple):
    """A pool at one moment.

    Attributes:
        workers: Those that are ready or busy, each with the call that it runs.
        queued: How many calls wait for one.
        starting: How many workers are being started.
    """

    workers: list[tuple[Worker, Call | None]]
    queued: int
    starting: int


class Roster:
    """The workers of a pool, and the calls that wait for them.

    Attributes:
        lock: Held around each decision, and for what a worker and its call say of each other.
        scheduler: Decides.
        closing: Is set when no worker is wanted any more.
    """

    def __init__(self, policy: Policy, first: int | None = None) -> None:
        self.lock = threading.Lock()
        self.scheduler: Scheduler[Call] = Scheduler(
            policy.most, least=policy.least, most_tasks=policy.most_tasks, first=first
        )
        self._idle_timeout = policy.idle_timeout
        self.closing = threading.Event()
        self._workers: dict[int, Worker] = {}
        self._leaving: set[Worker] = set()

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers that are ready or busy now."""
        with self.lock:
            return [self._workers[index] for index in sorted(self._workers)]

    # -------------------------------------------------------------- questions

    def worker_of(self, call: Call) -> Worker | None:
        """The worker that runs a call; the lock is held."""
        index = self.scheduler.runs_on(call)
        return None if index is None else self._workers.get(index)

    def running(self, worker: Worker) -> Call | None:
        """The call that a worker runs, unless it is being killed for it, or the pool is being closed."""
        with self.lock:
            return self._running(worker)

    def busy(self, worker: Worker) -> bool:
        """Whether a worker that nobody has missed yet runs a call."""
        with self.lock:
            return not worker.lost and self.scheduler.running(worker.index) is not None

    def glance(self) -> Glance:
        """Who lives and runs what at this moment, for who looks from outside."""
        with self.lock:
            living = [(self._workers[index], self.scheduler.running(index)) for index in sorted(self._workers)]
            return Glance(living, self.scheduler.queued, self.scheduler.count - len(living))

    @property
    def all_running(self) -> Sequence[Call] | None:
        """What the workers run, when all of them are busy, and none is being replaced."""
        with self.lock:
            return self.scheduler.all_running

    # ------------------------------------------------------------------ calls

    def claim(self, call: Call) -> Worker | None:
        """Take an idle worker for this call at once, or say that there is none."""
        with self.lock:
            index = self.scheduler.claim(call)
            return None if index is None else self._workers[index]

    def submit(self, call: Call) -> Decided:
        """A call was asked for.

        Raises:
            NotLaunchedError: Nothing can be run any more.
        """
        with self.lock:
            if self.scheduler.broken is not None:
                raise NotLaunchedError(self.scheduler.broken)
            return self._bound(self.scheduler.submit(call))

    def cancel(self, call: Call, *, only_queued: bool = False) -> tuple[bool, Worker | None]:
        """Nobody wants a call any more; whether it was dropped from the queue, or else the worker that runs it."""
        with self.lock:
            dropped = self.scheduler.drop(call)
            if only_queued and not dropped:
                return False, None
            call.unwanted = True  # should it be between two workers now
            return dropped, None if dropped else self.worker_of(call)

    def finished(self, worker: Worker, worn: str | None) -> tuple[Decided, bool]:
        """A worker has answered: what follows, and whether it was being killed meanwhile, and is to be buried.

        Args:
            worker: The worker.
            worn: Why it is to be replaced, if it is.
        """
        with self.lock:
            if worker.lost:
                return [], False
            if worker.condemned is not None:
                return self._struck(worker), True
            return self._bound(self.scheduler.finished(worker.index, worn)), False

    def unsent(self, worker: Worker, call: Call, most_losses: int) -> Decided | None:
        """A worker is gone that had not come to a call; None when it is not to be run elsewhere.

        Where the pool is being closed, nobody wants the call; it was we who hung up then, and the worker may live on.
        """
        with self.lock:
            call.put_back()
            call.unwanted |= self.closing.is_set()
            if call.unwanted or call.losses > most_losses:
                return None
            return self._bound(self.scheduler.unsent(worker.index, call))

    def tired(self, worker: Worker) -> tuple[float | None, Decided]:
        """When a worker will have been idle for too long, or None; and what follows if it has been."""
        timeout, since = self._idle_timeout, worker.idle_since
        with self.lock:
            if timeout is None or worker.lost or self.scheduler.phase(worker.index) is not Phase.IDLE:
                return None, []
            if time.monotonic() < since + timeout:
                return since + timeout, []
            return None, self._bound(self.scheduler.expired(worker.index, f"it was idle for {timeout:g} s"))

    # ----------------------------------------------------- births and deaths

    def born(self, worker: Worker) -> Decided | None:
        """A worker is ready; None when it comes after `close`."""
        with self.lock:
            if self.closing.is_set():
                return None
            self._workers[worker.index] = worker
            return self._bound(self.scheduler.ready(worker.index))

    def stillborn(self, index: int, reason: str) -> Decided:
        """A worker could not be started."""
        with self.lock:
            return self._bound(self.scheduler.spawn_failed(index, reason))

    def struck(self, worker: Worker) -> tuple[Call | None, Decided] | None:
        """Take a worker from the list of the living: the call that it ran, and what follows; None: done already."""
        with self.lock:
            if worker.lost:
                return None
            call = self.scheduler.running(worker.index)
            return call, self._struck(worker)

    def condemned(self, worker: Worker, call: Call, verdict: TaskFailure | None) -> bool:
        """A worker is to be killed for the call that it runs; whether it still runs it, and no other end is near."""
        with self.lock:
            if self._running(worker) is not call:
                return False
            worker.verdict = verdict
            worker.condemned = call
            return True

    def close(self, reason: str) -> tuple[Sequence[Call], Sequence[Worker]] | None:
        """Nothing more is run: the calls that waited, and the workers; None: done already."""
        with self.lock:
            if self.closing.is_set():
                return None
            self.closing.set()
            waiting = [action.call for action in self.scheduler.close(reason) if isinstance(action, Fail)]
            return waiting, [*self._workers.values(), *self._leaving]

    def left(self, worker: Worker) -> None:
        """A worker has ended that was to."""
        with self.lock:
            self._leaving.discard(worker)

    def _running(self, worker: Worker) -> Call | None:
        """See `running`; the lock is held."""
        if worker.lost or worker.condemned is not None or self.closing.is_set():
            return None
        return self.scheduler.running(worker.index)

    def _struck(self, worker: Worker) -> Decided:
        worker.lost = True
        worker.orderly = self.closing.is_set()
        self._workers.pop(worker.index, None)
        return self._bound(self.scheduler.died(worker.index))

    def _bound(self, actions: Sequence[Action[Call]]) -> Decided:
        return [(action, self._meant(action)) for action in actions] if actions else []

    def _meant(self, action: Action[Call]) -> Worker | None:
        if isinstance(action, Dispatch):
            action.call.sender = threading.get_ident()
            return self._workers.get(action.worker)
        if isinstance(action, Retire):
            worker = self._workers.pop(action.worker)
            worker.lost = True  # its end is nothing to be told
            self._leaving.add(worker)
            return worker
        return None
