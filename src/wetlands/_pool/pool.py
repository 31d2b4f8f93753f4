"""A pool: performs what the scheduler decides, with real workers, threads and connections."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from wetlands._pool.deadlock import waits
from wetlands._pool.flow import flow, log_wait
from wetlands._pool.lives import Lives
from wetlands._pool.roster import Roster
from wetlands._pool.scheduler import Dispatch, Fail, Retire, Spawn
from wetlands._pool.stacks import worker_stack
from wetlands._tasks.driver import GRACE_SECONDS
from wetlands.exceptions import NotLaunchedError
from wetlands_worker import messages
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from wetlands._launch.guardian import Watching
    from wetlands._launch.process import WorkerProcess
    from wetlands._pool.call import BlockingCall, Call
    from wetlands._pool.initializer import Initializer
    from wetlands._pool.policy import Policy
    from wetlands._pool.roster import Decided, Glance
    from wetlands._pool.worker import Worker

__all__ = ["Pool"]

_A_READER = -1  # the number of no thread: a call is sent by one that is not known yet


class Pool:
    """The workers of one launch of one environment.

    Args:
        environment: The name of the environment, for messages.
        policy: How many workers there are, and for how long each is kept.
        start: Starts the worker of an index; it is told of the process at once, and has not greeted it.
        guardian: Makes the process that ends the workers should this one be killed.
        silence: The seconds that a running call may go without a sign of life; None: for ever.
        initializer: Prepares each worker, the replacements too.
        first: How many workers there are at first, where these are more than the fewest.
    """

    def __init__(
        self,
        environment: str,
        policy: Policy,
        *,
        start: Callable[[int], WorkerProcess],
        guardian: Callable[[], Watching],
        silence: float | None = None,
        initializer: Initializer | None = None,
        first: int | None = None,
    ) -> None:
        self._policy = policy
        self._first = policy.least if first is None else first
        self._roster = Roster(policy, self._first)
        self._lives = Lives(
            environment,
            self._roster,
            self._perform,
            policy=policy,
            start=start,
            guardian=guardian,
            silence=silence,
            initializer=initializer,
        )
        self._overtime = self._lives.overtime

    @property
    def size(self) -> int:
        """The most workers that there are at the same time."""
        return self._policy.most

    @property
    def count(self) -> int:
        """How many workers there are now, those that are being started included."""
        return self._roster.scheduler.count

    @property
    def takes_batches(self) -> bool:
        """Whether calls may be sent together; not where each is to be counted."""
        return self._policy.most_tasks is None

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers that are ready or busy now."""
        return self._roster.workers

    def glance(self) -> Glance:
        """Who lives and runs what at this moment."""
        return self._roster.glance()

    @property
    def broken(self) -> str | None:
        """Why no call can be run any more, or None."""
        return self._roster.scheduler.broken

    # ------------------------------------------------------------------ verbs

    def launch(self) -> None:
        """Start the first workers at the same time and wait until all are ready.

        Raises:
            LaunchError: One could not be started; none is left running.
        """
        self._lives.begin(self._first)

    def close(self) -> None:
        """Stop all workers, at the same time and with growing force. Waiting calls are canceled, running ones fail."""
        self._lives.end()

    def detach(self) -> None:
        """Let go of persistent workers, which stay. Waiting calls are canceled; running ones fail here, and go on."""
        self._lives.leave()

    def run(self, call: BlockingCall[object]) -> None:
        """Run a call and wait for its end; an idle worker is talked to by the calling thread itself."""
        try:
            worker = self._roster.claim(call)
            if worker is None:
                self._wait_in_line(call)
            elif self._send(worker, call):
                self._read(worker, call)
            call.wait()
        except BaseException as error:
            self._abandon(call, error)
            raise

    def _wait_in_line(self, call: BlockingCall[object]) -> None:
        """Wait until a call that found no idle worker has ended, unless that would be never."""
        self._perform(self._roster.submit(call))
        with self.waiting(call):
            call.wait()

    def waiting(self, call: Call) -> AbstractContextManager[None]:
        """While a thread waits for a call without a limit, which may turn out to last for ever; then the call fails."""
        return waits.waiting(self._roster, lambda: self._would_wait_for_ever(call))

    def _would_wait_for_ever(self, call: Call) -> bool:
        dropped, _ = self._roster.cancel(call, only_queued=True)
        if dropped:
            message = (
                f"{call.work.call_target} would wait for ever: every worker of this pool ({self.size}) waits for the "
                "callback, or the loop over a stream, that makes this call. Launch with more max_workers, call into "
                "another environment, or make the call elsewhere"
            )
            call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, message))
        return dropped

    def submit(self, call: Call) -> None:
        """Run a call as soon as a worker is free; its end is told to the call.

        Raises:
            NotLaunchedError: The pool cannot run anything any more.
        """
        try:
            self._perform(self._roster.submit(call))
        except BaseException as error:
            self._abandon(call, error)
            raise

    def cancel(self, call: Call, force_after: float | None = None) -> None:
        """Drop a call that waits; ask the worker to stop one that runs, and force it after so many seconds."""
        dropped, worker = self._roster.cancel(call)
        if dropped:
            call.dropped()
        elif worker is not None:
            if force_after is not None:  # first: a worker that is suspended may not take what it is asked
                call.force(force_after)
                self._overtime.consider(worker, call)
            worker.ask(messages.CANCEL, call)
            flow.look()  # it may not have been sent yet

    def _abandon(self, call: Call, error: BaseException) -> None:
        """Ctrl-C: nobody wants the call any more: it is cancelled, at last by force; the reader awaits its end."""
        if isinstance(error, NotLaunchedError):
            return
        self.cancel(call, GRACE_SECONDS)
        with self._roster.lock:
            worker = self._roster.worker_of(call)
            parked = call.parked
            sent, mine = call.sent, not parked and call.sender in {None, threading.get_ident()}
            call.sent |= mine
        if worker is not None and (sent or parked):
            worker.hand_over(call, self._read)
        elif worker is not None and mine:  # nobody knows how much of it was sent
            worker.process.call.abort()
            self._lives.lost(worker)

    def stack(self, call: Call) -> str:
        """What the worker of a call is doing."""
        with self._roster.lock:
            worker = self._roster.worker_of(call)
        if worker is None:
            return "No stack: no worker runs it."
        stack = worker_stack(worker)
        with self._roster.lock:  # while it was asked, the next call may have begun there
            still = self._roster.scheduler.running(worker.index) is call
        return stack if still else "No stack: it has just ended."

    def tell(self, call: Call, kind: int, body: bytes = b"") -> None:
        """Tell the worker of a call RECALL or CREDIT; nothing happens when no worker runs it."""
        with self._roster.lock:
            worker = self._roster.worker_of(call)
        if worker is not None:
            worker.ask(kind, call, body)

    # ---------------------------------------------------------------- actions

    def _perform(self, decided: Decided) -> None:
        for action, worker in decided:
            match action:
                case Dispatch(call=call):
                    if worker is not None and self._send(worker, call):
                        worker.hand_over(call, self._read)
                case Spawn(worker=index, delay=delay):
                    self._lives.nursery.replace(index, delay)
                case Retire(reason=reason):
                    if worker is not None:
                        self._lives.retire(worker, reason)
                case Fail(call=call, reason=reason):
                    call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, reason))

    def _send(self, worker: Worker, call: Call) -> bool:
        """Send a call; whether its answer is to be read. If not, it has been seen to otherwise."""
        weight = call.work.weight
        if not weight or flow.enter(worker, weight):
            return self._send_now(worker, call)
        call.parked = True
        call.sender = _A_READER
        worker.hand_over(call, self._read)  # who asked for the call, or reads what came before, must not wait
        return False

    def _send_late(self, worker: Worker, call: Call) -> bool:
        """Send a call when there is room for its arguments; whether its answer is to be read."""

        def hopeless() -> bool:
            return call.unwanted or worker.lost or worker.gone.is_set()

        flow.wait(worker, call.work.weight, hopeless, partial(log_wait, worker, call))
        call.parked = False
        if not call.unwanted:
            return self._send_now(worker, call)
        call.answer = messages.CANCELED, b"", ()
        return True

    def _send_now(self, worker: Worker, call: Call) -> bool:
        sent = False
        try:
            call.started(worker.info, worker.decode, worker.process.output)
            self._overtime.begins(worker, call)
            call.send(worker.process.call)
            sent = True
            if call.work.weight and call.work.may_wait:
                flow.leave(worker)
        except OSError:  # the worker is gone, and has not seen all of the call: another one may run it
            pass
        except BaseException:  # Ctrl-C: how much was sent is not known, and the connection is closed
            with self._roster.lock:
                call.sent = True
            flow.leave(worker)
            self._lives.lost(worker)
            raise
        with self._roster.lock:
            call.sent = sent
            if sent and not worker.lost:
                return True
        flow.leave(worker)
        if sent:
            self._lives.fail(worker, call)
        else:
            self._lives.run_elsewhere(worker, call)
            self._lives.lost(worker)
        return False

    def _read(self, worker: Worker, call: Call) -> None:
        """Read the answer of a call, give the worker the next one, and then tell what came."""
        following: Call | None = call
        while following is not None:
            call = following
            if call.parked and not self._send_late(worker, call):
                return
            answer = call.answer or worker.read_answer(call)
            if answer is None:
                self._lives.lost(worker)
                return
            if self._roster.scheduler.queued and threading.current_thread() is threading.main_thread():
                worker.hand_over(call, self._read)  # Ctrl-C may stop this thread; other calls must not suffer
                return
            following = self._free(worker, call.number)
            if following is not None and threading.current_thread() is worker.reader:
                following.taken = True
            elif following is not None:
                worker.hand_over(following, self._read)
                following = None
            call.answer = None
            call.settle(*answer)
            del answer

    def _free(self, worker: Worker, answered: int) -> Call | None:
        """A worker has answered the call of this number; the call that it was sent next."""
        flow.leave(worker)
        decided, condemned = self._roster.finished(worker, self._lives.worn(worker))
        if condemned:  # it answered while it was being killed: the answer counts
            self._lives.bury(worker, decided)
            return None
        if not decided:
            self._lives.rests(worker, answered)
            return None
        for action, bound in decided:
            if not isinstance(action, Dispatch):
                self._perform([(action, bound)])
            elif bound is worker and self._send(worker, action.call):
                return action.call
        return None
