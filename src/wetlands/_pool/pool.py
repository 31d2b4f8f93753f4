"""A pool: performs what the scheduler decides, with real workers, threads and connections.

The lock is held for decisions only, never while something is sent, waited for, or told to a user.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from wetlands._launch.process import discard, stop_all
from wetlands._pool.monitor import Monitor
from wetlands._pool.nursery import Nursery
from wetlands._pool.obituary import log_death, report_death
from wetlands._pool.overtime import Overtime
from wetlands._pool.scheduler import Dispatch, Fail, Scheduler, Spawn
from wetlands._pool.stacks import worker_stack
from wetlands._pool.worker import Worker
from wetlands.exceptions import NotLaunchedError
from wetlands.logger import logger
from wetlands_worker import messages
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._launch.guardian import Guardian
    from wetlands._launch.process import WorkerProcess
    from wetlands._pool.call import BlockingCall, Call
    from wetlands._pool.scheduler import Action
    from wetlands_worker.failures import TaskFailure

__all__ = ["Pool"]

_JOIN_SECONDS = 5.0
_MOST_LOSSES = 3


class Pool:
    """The workers of one launch of one environment.

    Args:
        environment: The name of the environment, for messages.
        size: How many workers there are.
        start: Starts the worker of an index; it is told of the process at once, and has not greeted it.
        guardian: Makes the process that ends the workers should this one be killed.
        silence: The seconds that a running call may go without a sign of life; None: for ever.
    """

    def __init__(
        self,
        environment: str,
        size: int,
        *,
        start: Callable[[int], WorkerProcess],
        guardian: Callable[[], Guardian],
        silence: float | None = None,
    ) -> None:
        self._environment = environment
        self._exited = f"Environment {environment!r} was exited"
        self._size = size
        self._nursery = Nursery(environment, start=start, born=self._born, stillborn=self._stillborn)
        self._overtime = Overtime(silence, self._running, self._sentence)
        self._make_guardian = guardian
        self._guardian: Guardian | None = None
        self._lock = threading.Lock()
        self._scheduler: Scheduler[Call] = Scheduler(size)
        self._workers: dict[int, Worker] = {}
        self._closing = threading.Event()
        self._monitor: Monitor | None = None

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._size

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers that are ready or busy now."""
        with self._lock:
            return [self._workers[index] for index in sorted(self._workers)]

    @property
    def broken(self) -> str | None:
        """Why no call can be run any more, or None."""
        return self._scheduler.broken

    # ------------------------------------------------------------------ verbs

    def launch(self) -> None:
        """Start all workers at the same time and wait until all are ready.

        Raises:
            LaunchError: One could not be started; none is left running.
        """
        processes = self._nursery.first(self._size)
        with ExitStack() as undo:
            undo.callback(discard, processes)
            self._guardian = self._make_guardian()
            undo.callback(self._guardian.close)
            self._monitor = self._overtime.monitor = Monitor(
                self._noticed, lambda worker, frame: worker.said(frame, self._running(worker)), self._overtime.look
            )
            undo.pop_all()
        for index, process in enumerate(processes):
            self._born(index, process)

    def run(self, call: BlockingCall[object]) -> None:
        """Run a call and wait for its end; an idle worker is talked to by the calling thread itself."""
        try:
            with self._lock:
                index = self._scheduler.claim(call)
                worker = None if index is None else self._workers[index]
            if worker is None:
                self._submit(call)
            elif self._send(worker, call):
                self._read(worker, call)
            call.wait()
        except BaseException as error:
            self._abandon(call, error)
            raise

    def submit(self, call: Call) -> None:
        """Run a call as soon as a worker is free; its end is told to the call.

        Raises:
            NotLaunchedError: The pool cannot run anything any more.
        """
        try:
            self._submit(call)
        except BaseException as error:
            self._abandon(call, error)
            raise

    def _submit(self, call: Call) -> None:
        with self._lock:
            if self._scheduler.broken is not None:
                raise NotLaunchedError(self._scheduler.broken)
            decided = self._bound(self._scheduler.submit(call))
        self._perform(decided)

    def cancel(self, call: Call, force_after: float | None = None) -> None:
        """Drop a call that waits; ask the worker to stop one that runs, and force it after so many seconds."""
        with self._lock:
            dropped = self._scheduler.drop(call)
            worker = None if dropped else self._worker_of(call)
            call.unwanted = True  # should it be between two workers now
        if dropped:
            call.dropped()
        elif worker is not None:
            if force_after is not None:  # first: a worker that is suspended may not take what it is asked
                call.force(force_after)
                self._overtime.consider(worker, call)
            worker.ask(messages.CANCEL, call)

    def _abandon(self, call: Call, error: BaseException) -> None:
        """Ctrl-C: nobody wants the call any more, and its answer is left to the reader thread."""
        if isinstance(error, NotLaunchedError):
            return
        self.cancel(call)
        with self._lock:
            worker = self._worker_of(call)
            sent, mine = call.sent, call.sender in {None, threading.get_ident()}
            call.sent |= mine
        if worker is not None and sent:
            worker.hand_over(call, self._read)
        elif worker is not None and mine:  # nobody knows how much of it was sent
            worker.process.call.abort()
            self._lost(worker)

    def stack(self, call: Call) -> str:
        """What the worker of a call is doing."""
        with self._lock:
            worker = self._worker_of(call)
        if worker is None:
            return "No stack: no worker runs it."
        stack = worker_stack(worker)
        with self._lock:  # while it was asked, the next call may have begun there
            still = self._scheduler.running(worker.index) is call
        return stack if still else "No stack: it has just ended."

    def recall(self, call: Call) -> None:
        """Ask the worker of a batch to give back what it has not begun."""
        with self._lock:
            worker = self._worker_of(call)
        if worker is not None:
            worker.ask(messages.RECALL, call)

    def close(self) -> None:
        """Stop all workers, at the same time and with growing force. Waiting calls are canceled, running ones fail."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            waiting = [action.call for action in self._scheduler.close(self._exited) if isinstance(action, Fail)]
            workers = list(self._workers.values())
        starting = self._nursery.close()
        for call in waiting:
            call.dropped()
        stop_all(list(dict.fromkeys((*(worker.process for worker in workers), *starting))))
        for worker in workers:
            self._lost(worker)
        for worker in workers:  # what a task has left behind ends with the worker that ran it
            worker.process.kill_leftovers()
        self._nursery.join()
        self._overtime.join()
        if self._monitor is not None:
            self._monitor.close()
        if self._guardian is not None:
            self._guardian.close()

    # ---------------------------------------------------------------- actions

    def _worker_of(self, call: Call) -> Worker | None:
        index = self._scheduler.runs_on(call)
        return None if index is None else self._workers.get(index)

    def _bound(self, actions: Sequence[Action[Call]]) -> list[tuple[Action[Call], Worker | None]]:
        """Each action with the worker that it means; its index may belong to a replacement a moment later."""
        for action in actions:
            if isinstance(action, Dispatch):
                action.call.sender = threading.get_ident()
        return [(act, self._workers.get(act.worker) if isinstance(act, Dispatch) else None) for act in actions]

    def _perform(self, decided: Sequence[tuple[Action[Call], Worker | None]]) -> None:
        for action, worker in decided:
            match action:
                case Dispatch(call=call):
                    if worker is not None and self._send(worker, call):
                        worker.hand_over(call, self._read)
                case Spawn(worker=index, delay=delay):
                    self._nursery.replace(index, delay)
                case Fail(call=call, reason=reason):
                    call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, reason))

    def _send(self, worker: Worker, call: Call) -> bool:
        """Send a call; whether its answer is to be read. If not, it has been seen to otherwise."""
        sent = False
        try:
            call.started(worker.info)
            self._overtime.begins(worker, call)
            call.send(worker.process.call)
            sent = True
        except OSError:  # the worker is gone, and has not seen all of the call: another one may run it
            pass
        except BaseException:  # Ctrl-C: how much was sent is not known, and the connection is closed
            with self._lock:
                call.sent = True
            self._lost(worker)
            raise
        with self._lock:
            call.sent = sent
            if sent and not worker.lost:
                return True
        if sent:
            self._fail(worker, call)
        else:
            self._run_elsewhere(worker, call)
            self._lost(worker)
        return False

    def _run_elsewhere(self, worker: Worker, call: Call) -> None:
        """A worker is gone that had not come to a call. A call that ends worker after worker fails at last."""
        with self._lock:
            call.put_back()
            again = not call.unwanted and call.losses <= _MOST_LOSSES
            decided = self._bound(self._scheduler.unsent(worker.index, call)) if again else []
        self._perform(decided)
        if again:
            log_death(worker, f"before it came to {call.work.call_target}, which runs elsewhere")
        elif call.unwanted:
            call.dropped()
        else:
            report_death(worker, call, "before it came to")

    def _read(self, worker: Worker, call: Call) -> None:
        """Read the answer of a call, give the worker the next one, and then tell what came."""
        following: Call | None = call
        while following is not None:
            call = following
            answer = call.answer or worker.read_answer(call)
            if answer is None:
                self._lost(worker)
                return
            if self._scheduler.queued and threading.current_thread() is threading.main_thread():
                worker.hand_over(call, self._read)  # Ctrl-C may stop this thread; other calls must not suffer
                return
            following = self._free(worker)
            if following is not None and threading.current_thread() is worker.reader:
                following.taken = True
            elif following is not None:
                worker.hand_over(following, self._read)
                following = None
            call.answer = None
            call.settle(*answer)
            del answer

    def _free(self, worker: Worker) -> Call | None:
        """A worker has answered; the call that it was sent next."""
        with self._lock:
            if worker.lost:
                return None
            condemned = worker.condemned is not None
            decided = self._struck(worker) if condemned else self._bound(self._scheduler.finished(worker.index))
        if condemned:  # it answered while it was being killed: the answer counts
            self._bury(worker, decided)
            return None
        for action, bound in decided:
            if isinstance(action, Dispatch) and bound is worker and self._send(worker, action.call):
                return action.call
        return None

    # ----------------------------------------------------- births and deaths

    def _born(self, index: int, process: WorkerProcess) -> bool:
        """A worker is ready: let it work. One that comes after `close` is not wanted, and stopped by that."""
        worker = Worker(index, process, self._environment)
        if self._guardian is not None:
            self._guardian.watch(process.pid)
        with self._lock:
            if self._closing.is_set():
                return False
            self._workers[index] = worker
            decided = self._bound(self._scheduler.ready(index))
        if self._monitor is not None:
            self._monitor.watch(worker)
        self._perform(decided)
        return True

    def _stillborn(self, index: int, reason: str) -> None:
        """A worker could not be started."""
        with self._lock:
            decided = self._bound(self._scheduler.spawn_failed(index, reason))
        if not self._closing.is_set():
            logger.log_execution(logging.ERROR, "%s", reason, env_name=self._environment, worker_index=index)
        self._perform(decided)

    def _noticed(self, worker: Worker) -> None:
        """The monitor saw the end of a worker. If it is busy, whoever reads its answer comes to the end by himself."""
        worker.process.call.abort()
        with self._lock:
            busy = not worker.lost and self._scheduler.running(worker.index) is not None
        if not busy:
            self._lost(worker)

    def _lost(self, worker: Worker) -> None:
        """A worker is gone: fail the call that it ran, and replace it."""
        with self._lock:
            if worker.lost:
                return
            call = self._scheduler.running(worker.index)
            decided = self._struck(worker)
        if call is not None and call.sent:  # one that is being sent is seen to by its sender
            self._fail(worker, call)
        elif call is None and not self._closing.is_set():
            log_death(worker, "while idle")
        self._bury(worker, decided)  # last: its caller waits for the failure, and starting a process takes milliseconds

    def _struck(self, worker: Worker) -> list[tuple[Action[Call], Worker | None]]:
        """Take a worker from the list of the living; the lock is held."""
        worker.lost = True
        self._workers.pop(worker.index, None)
        return self._bound(self._scheduler.died(worker.index))

    def _bury(self, worker: Worker, decided: Sequence[tuple[Action[Call], Worker | None]]) -> None:
        self._perform(decided)
        if not self._closing.is_set():  # else it may still be ending in good order, and close() comes to it
            worker.process.kill_leftovers()
        if self._guardian is not None:
            self._guardian.forget(worker.process.pid)
        worker.close(_JOIN_SECONDS)

    def _fail(self, worker: Worker, call: Call) -> None:
        if self._closing.is_set():
            message = f"{self._exited} while {call.work.call_target} was running"
            call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, message))
            return
        worker.process.autopsy()  # from here on it begins nothing any more
        if call.begun(worker.process.last_begun()):
            report_death(worker, call, "while it ran")
        else:
            self._run_elsewhere(worker, call)

    def _running(self, worker: Worker) -> Call | None:
        """The call that a worker runs, unless it is being killed for it."""
        with self._lock:
            return None if worker.lost or worker.condemned is not None else self._scheduler.running(worker.index)

    def _sentence(self, worker: Worker, call: Call, verdict: TaskFailure | None) -> None:
        """Kill a worker for the call that it runs, if it still does, which then fails as it says, or is canceled."""
        with self._lock:
            if worker.lost or worker.condemned is not None or self._scheduler.running(worker.index) is not call:
                return
            worker.verdict = verdict
            worker.condemned = call
        worker.process.kill()
