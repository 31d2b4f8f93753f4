"""The lives of the workers of a pool: they are born, found dead or put to death, buried and replaced."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from wetlands._launch.process import discard, stop_all
from wetlands._platform.amounts import gigabytes
from wetlands._pool.census import census
from wetlands._pool.flow import flow
from wetlands._pool.monitor import Monitor
from wetlands._pool.nursery import Nursery
from wetlands._pool.obituary import log_death, report_death
from wetlands._pool.overtime import Overtime
from wetlands._pool.worker import Worker
from wetlands.logger import logger
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._launch.guardian import Watching
    from wetlands._launch.process import WorkerProcess
    from wetlands._pool.call import Call
    from wetlands._pool.initializer import Initializer
    from wetlands._pool.policy import Policy
    from wetlands._pool.roster import Decided, Roster
    from wetlands_worker.arrivals import Frame
    from wetlands_worker.failures import TaskFailure

__all__ = ["Lives"]

_JOIN_SECONDS = 5.0
_MOST_LOSSES = 3
_READ_SECONDS = 0.005  # its next call would say so too, and most come sooner
_LEAVE_SECONDS = 1.0
_LOOK_SECONDS = 0.002


class Lives:
    """Sees to it that there are workers, and that nothing is left of those that are gone.

    Args:
        environment: The name of the environment, for messages.
        roster: Knows who lives.
        perform: Performs what the scheduler decided.
        start: Starts the worker of an index; it has not greeted it.
        guardian: Makes the process that ends the workers should this one be killed.
        policy: For how long a worker is kept.
        silence: The seconds that a running call may go without a sign of life; None: for ever.
        initializer: Prepares each worker, the replacements too.

    Attributes:
        nursery: Starts workers.
        overtime: Is told which calls begin, and has a worker killed for one that takes too long.
    """

    def __init__(
        self,
        environment: str,
        roster: Roster,
        perform: Callable[[Decided], None],
        *,
        start: Callable[[int], WorkerProcess],
        guardian: Callable[[], Watching],
        policy: Policy,
        silence: float | None,
        initializer: Initializer | None = None,
    ) -> None:
        self._environment = environment
        self._ending = f"Environment {environment!r} was exited"
        self._roster = roster
        self._perform = perform
        self._make_guardian = guardian
        self._guardian: Watching | None = None
        self._monitor: Monitor | None = None
        self._policy = policy
        self.nursery = Nursery(
            environment, start=start, prepare=initializer, born=self._born, stillborn=self._stillborn
        )
        self.overtime = Overtime(silence, roster.running, self._sentence)

    def begin(self, size: int) -> None:
        """Start the first workers at the same time and wait until all are ready.

        Raises:
            LaunchError: One could not be started; none is left running.
        """
        processes = self.nursery.first(size)
        with ExitStack() as undo:
            undo.callback(discard, processes)
            self._guardian = self._make_guardian()
            undo.callback(self._guardian.close)
            self._monitor = self.overtime.monitor = Monitor(self._noticed, self._said, self._look)
            undo.pop_all()
        for index, process in enumerate(processes):
            self._born(index, process)

    def end(self) -> None:
        """Stop all workers, at the same time and with growing force. Waiting calls are canceled, running ones fail."""
        ended = self._closed()
        if ended is None:
            return
        workers, starting = ended
        stop_all(list(dict.fromkeys((*(worker.process for worker in workers), *starting))))
        for worker in workers:
            self.lost(worker)
        for worker in workers:  # what a task has left behind ends with the worker that ran it
            worker.process.kill_leftovers()
        self._rest()

    def leave(self) -> None:
        """Let go of all workers, which stay. Waiting calls are canceled; running ones fail here, and go on there."""
        self._ending = f"This program has detached from environment {self._environment!r}"
        ended = self._closed()
        if ended is None:
            return
        workers, starting = ended
        for worker in workers:  # first: whatever interrupts us, the workers are free
            self._tell_read(worker)
            worker.process.hang_up()
        try:
            self._see_off(workers)
            discard(starting)
        finally:
            self._rest()

    def _see_off(self, workers: Sequence[Worker]) -> None:
        """Wait for a moment until whoever reads an answer has come to its end, and fail what has none."""
        end = time.monotonic() + _LEAVE_SECONDS
        while any(map(self._roster.busy, workers)) and time.monotonic() < end:
            time.sleep(
                _LOOK_SECONDS
            )  # whoever reads comes to the end by himself, after an answer that has come already
        for worker in workers:
            self.lost(worker)

    def _closed(self) -> tuple[Sequence[Worker], Sequence[WorkerProcess]] | None:
        """Begin nothing any more: the workers, and those that are being started. None: that was done before."""
        ended = self._roster.close(self._ending)
        if ended is None:
            return None
        waiting, workers = ended
        starting = self.nursery.close()
        for call in waiting:
            call.dropped()
        return workers, starting

    def _rest(self) -> None:
        self.nursery.join()
        self.overtime.join()
        if self._monitor is not None:
            self._monitor.close()
            self.nursery.join()  # it may have had to bury somebody
        if self._guardian is not None:
            self._guardian.close()
        census.changed()

    def lost(self, worker: Worker) -> None:
        """A worker is gone: fail the call that it ran, and replace it."""
        struck = self._roster.struck(worker)
        if struck is None:
            return
        call, decided = struck
        try:
            flow.leave(worker)
            flow.look()
            if call is not None and call.sent:  # one that is being sent is seen to by its sender
                self.fail(worker, call)
            elif call is None and not worker.orderly:
                log_death(worker, "while idle")
        finally:  # also after Ctrl-C
            self.bury(worker, decided)

    def fail(self, worker: Worker, call: Call) -> None:
        """A worker is gone to which a call was sent: the call fails, or runs elsewhere if it had not begun."""
        if self._roster.closing.is_set():
            message = f"{self._ending} while {call.work.call_target} was running"
            call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, message))
            return
        worker.process.autopsy()  # from here on it begins nothing any more
        if call.begun(worker.process.last_begun()):
            report_death(worker, call, "while it ran")
        else:
            self.run_elsewhere(worker, call)

    def run_elsewhere(self, worker: Worker, call: Call) -> None:
        """A worker is gone that had not come to a call. A call that ends worker after worker fails at last."""
        decided = self._roster.unsent(worker, call, _MOST_LOSSES)
        if decided is not None:
            self._perform(decided)
            log_death(worker, f"before it came to {call.work.call_target}, which runs elsewhere")
        elif call.unwanted:
            call.dropped()
        else:
            report_death(worker, call, "before it came to")

    def bury(self, worker: Worker, decided: Decided) -> None:
        """Replace a worker that is struck from the roster, and let go of what is left of it; returns at once.

        Somebody waits to be told what came of its call, and not for a funeral, which takes milliseconds.
        """
        if worker.orderly or self._monitor is None:
            self._bury_now(worker, decided)
        else:
            self._monitor.soon(partial(self._bury_aside, worker, decided))

    def _bury_aside(self, worker: Worker, decided: Decided) -> None:
        try:
            self.nursery.aside(f"wetlands-bury-{worker.process.pid}", partial(self._bury_now, worker, decided))
        except RuntimeError:  # the interpreter is ending: there will be no replacement either
            self._bury_now(worker, [])

    def _bury_now(self, worker: Worker, decided: Decided) -> None:
        self._perform(decided)
        if not worker.orderly:  # else it may still be ending in good order, and end() comes to it
            worker.process.kill_leftovers()
        if self._guardian is not None:
            self._guardian.forget(worker.process.pid)
        worker.close(_JOIN_SECONDS)

    # ----------------------------------------------- workers that have done their part

    def worn(self, worker: Worker) -> str | None:
        """Why a worker that has just answered is to be replaced, as far as its process tells."""
        most = self._policy.most_memory
        memory = 0 if most is None else worker.process.memory()
        if most is None or memory <= most:
            return None
        return f"it holds {gigabytes(memory)} (max_memory: {gigabytes(most)})"

    def rests(self, worker: Worker, answered: int = 0) -> None:
        """A worker has nothing to do; should that last, it is told that its answer was read, and later is stopped.

        Args:
            worker: The worker.
            answered: The number of the call that it has just answered; 0: none.
        """
        if answered and worker.process.persistent and self._monitor is not None:
            worker.unread = answered
            self._monitor.look_at(worker, time.monotonic() + _READ_SECONDS)
        if self._policy.idle_timeout is not None and self._monitor is not None:
            worker.idle_since = time.monotonic()
            self._monitor.look_at(worker, worker.idle_since + self._policy.idle_timeout)

    def retire(self, worker: Worker, reason: str) -> None:
        """Stop a worker that is struck from the roster and runs nothing; returns at once."""
        logger.log_execution(
            logging.INFO,
            "Worker %d pid %d is stopped: %s",
            worker.index,
            worker.process.pid,
            reason,
            env_name=self._environment,
            worker_index=worker.index,
        )

        def stop() -> None:
            stop_all([worker.process])
            self._bury_now(worker, [])
            self._roster.left(worker)

        self.nursery.aside(f"wetlands-retire-{worker.process.pid}", stop)

    def _tell_read(self, worker: Worker) -> None:
        """Tell a persistent worker that its answer has come, unless its next call does."""
        number, worker.unread = worker.unread, 0
        if number and not self._roster.busy(worker):
            worker.process.read(number)

    def _look(self, worker: Worker) -> float | None:
        self._tell_read(worker)
        when, decided = self._roster.tired(worker)
        self._perform(decided)
        overtime = self.overtime.look(worker)
        return min((due for due in (when, overtime) if due is not None), default=None)

    def _said(self, worker: Worker, frame: Frame) -> None:
        worker.said(frame, self._roster.running(worker))

    def _born(self, index: int, process: WorkerProcess) -> bool:
        """A worker is ready: let it work. One that comes after `end` is not wanted, and stopped by that."""
        worker = Worker(index, process, self._environment, self._policy.accept)
        if self._guardian is not None:
            self._guardian.watch(process.pid)
        decided = self._roster.born(worker)
        if decided is None:
            return False
        if self._monitor is not None:
            self._monitor.watch(worker)
        self._perform(decided)
        if not decided:
            self.rests(worker)
        census.changed()
        return True

    def _stillborn(self, index: int, reason: str) -> None:
        """A worker could not be started."""
        decided = self._roster.stillborn(index, reason)
        if not self._roster.closing.is_set():
            logger.log_execution(logging.ERROR, "%s", reason, env_name=self._environment, worker_index=index)
        self._perform(decided)

    def _noticed(self, worker: Worker) -> None:
        """The monitor saw the end of a worker. If it is busy, whoever reads its answer comes to the end by himself."""
        worker.process.call.abort()
        worker.gone.set()
        flow.look()  # its call may not have been sent yet
        if not self._roster.busy(worker):
            self.lost(worker)

    def _sentence(self, worker: Worker, call: Call, verdict: TaskFailure | None) -> None:
        """Kill a worker for the call that it runs, if it still does, which then fails as it says, or is canceled."""
        if self._roster.condemned(worker, call, verdict):
            worker.process.kill()
