"""Many small calls in one frame: what makes ``map`` fast for functions that take microseconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wetlands._platform.system import sleeps_exactly
from wetlands._pool.call import TERMINAL, Call
from wetlands._tasks.life import new_number
from wetlands.exceptions import NotLaunchedError
from wetlands_worker import messages
from wetlands_worker.failures import TaskFailureCategory
from wetlands_worker.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._launch.output import ProcessLogger
    from wetlands._plain.decoding import Decode
    from wetlands._pool.call import Work
    from wetlands_worker.arrivals import Received
    from wetlands_worker.failures import TaskFailure, WorkerInfo
    from wetlands_worker.frames import Bytes, Connection

__all__ = ["Batch", "Pace"]

_BATCH_SECONDS = 0.002
_MOST_CALLS = 128
_WEIGHT = 0.3
_SHARE_OF_LULL = 0.5
_SHORTEST_LULL, _LONGEST_LULL = 0.0001, 0.0005
_SLEEPS_EXACTLY = sleeps_exactly()


class Pace:
    """How long a call takes lately, and so how many of them make a batch of two milliseconds.

    A batch costs one wake-up of a worker and one of the host instead of one for each call; and what waits in a batch
    behind an unexpectedly long call waits a moment only, because it is taken back (`Batch.recalled`).
    """

    def __init__(self) -> None:
        self._seconds: float | None = None

    def measured(self, seconds: float, calls: int) -> None:
        """So many calls took so long together."""
        each = seconds / max(calls, 1)
        before = self._seconds
        self._seconds = each if before is None else before + _WEIGHT * (each - before)

    def lull(self, calls: int) -> float:
        """For how many seconds to leave a worker alone that has so many calls before it: a part of their time.

        To be woken for each of many short answers costs both sides more than these are worth.
        """
        if self._seconds is None or not _SLEEPS_EXACTLY:
            return 0.0
        seconds = _SHARE_OF_LULL * self._seconds * calls
        return min(seconds, _LONGEST_LULL) if seconds >= _SHORTEST_LULL else 0.0

    def size(self) -> int:
        """How many calls to send together."""
        if self._seconds is None:
            return 1
        return max(1, min(_MOST_CALLS, int(_BATCH_SECONDS / max(self._seconds, 1e-9))))


class Batch(Call):
    """Several calls of one function, as one call of the pool.

    The worker answers each call by itself before it begins the next. When it dies, only the call that it was running
    fails; those that it had not come to are submitted again, one by one.

    Args:
        calls: The calls; none of them has buffers.
        submit: Hands a call to the pool.
        pace: Is told how long they took.
    """

    __slots__ = ("_answered", "_canceled", "_pace", "_sent", "_submit", "_unanswered")

    def __init__(self, calls: Sequence[Call], submit: Callable[[Call], None], pace: Pace) -> None:
        super().__init__(calls[0].work, new_number())
        self._unanswered = {call.number: call for call in calls}
        self._sent: Sequence[int] = ()  # the numbers of its calls, as the worker knows them
        self._submit = submit
        self._pace = pace
        self._canceled = False
        self._answered = 0.0  # when the last of its calls was answered, and so the next one begun

    @property
    def waiting(self) -> bool:
        """Whether calls may be waiting in it behind a longer one."""
        return len(self._unanswered) > 1

    def started(self, worker: WorkerInfo, decode: Decode, output: ProcessLogger) -> None:
        super().started(worker, decode, output)
        self._answered = 0.0
        for call in self._unanswered.values():
            call.started(worker, decode, output)

    def send(self, connection: Connection) -> None:
        calls = [(number, call.work.values) for number, call in self._unanswered.items()]
        self._sent = [number for number, _ in calls]
        connection.send(messages.BATCH, self.number, self.work.head + encode(calls)[0])

    def begun(self, last_begun: int) -> bool:
        return last_begun in self._unanswered

    def _running_since(self) -> float:
        return self._answered or self._began

    def other(self, of: int, kind: int, body: Bytes, buffers: Received) -> None:
        self.heard = time.monotonic()
        if kind in TERMINAL:
            self._answered = self.heard
            call = self._unanswered.pop(of, None)
            if call is not None:
                call.settle(kind, body, buffers)
        else:
            call = self._unanswered.get(of)
            if call is not None:
                call.report(kind, body, buffers)

    def lull(self) -> float:
        return self._pace.lull(len(self._unanswered))

    def recalled(self, stays: int) -> None:
        """Submit what the worker gave back."""
        for number in self._sent[stays:]:
            self._give_back(number)

    def cancel(self) -> None:
        """What the worker has not begun is canceled instead of being submitted again."""
        self._canceled = True

    def completed(self, result: object) -> None:
        begun = result if isinstance(result, int) else len(self._sent)
        self._pace.measured(time.monotonic() - self._began, begun)
        for number in list(self._unanswered):
            self._give_back(number)

    def failed(self, failure: TaskFailure) -> None:
        died = failure.category in _OF_ONE_CALL
        for position, number in enumerate(list(self._unanswered)):
            if position == 0 or not died:
                call = self._unanswered.pop(number, None)
                if call is not None:
                    call.failed(failure)
            else:
                self._give_back(number)

    def dropped(self) -> None:
        self._canceled = True
        for number in list(self._unanswered):
            self._give_back(number)

    def _give_back(self, number: int) -> None:
        call = self._unanswered.pop(number, None)  # atomic: whoever gets it sees to it
        if call is None:
            return
        if self._canceled:
            call.dropped()
            return
        try:
            self._submit(call)
        except NotLaunchedError as error:
            call.failed(call.failure(TaskFailureCategory.ENVIRONMENT, str(error)))


_OF_ONE_CALL = frozenset(
    (TaskFailureCategory.WORKER_DIED, TaskFailureCategory.WORKER_CONNECTION, TaskFailureCategory.TIMEOUT)
)


def sendable_together(work: Work) -> bool:
    """Whether a call is small enough to travel in a batch."""
    return not work.buffers and work.callbacks is None and len(work.values) < _MOST_BYTES


_MOST_BYTES = 1024
