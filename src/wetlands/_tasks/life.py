"""The state of a task: what it knows of its call, which state may follow which, and who is told."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import InvalidStateError
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._tasks.audience import Audience, event_in_view
from wetlands._tasks.events import (
    MOVES,
    TERMINAL_EVENTS,
    Progress,
    TaskEventType,
    TaskStatus,
    event_of,
)
from wetlands._tasks.future import TaskFuture
from wetlands.exceptions import ExecutionException, WetlandsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from wetlands._tasks.events import CancelStep, Number, TaskEvent
    from wetlands._tasks.lines import Remembers
    from wetlands_worker.failures import TaskFailure

__all__ = ["TaskLife", "new_number", "session"]

T = TypeVar("T")
_SESSION = os.urandom(3).hex()
_numbers = itertools.count(1)
_NOTHING_SAID = Progress()
_MOST_NUMBERS = 2**32 - 1  # 0 is no task's


def session() -> str:
    """What the ids of this process's tasks start with."""
    return _SESSION


def new_number() -> int:
    """The number of the next task; it comes again after four thousand million others: a frame has 32 bits."""
    return (next(_numbers) - 1) % _MOST_NUMBERS + 1


class TaskLife(Generic[T]):
    """One state machine: what drives a task calls the methods that begin with an underscore.

    Args:
        call_target: What is called.
        number: The number of the task, or None for a new one.
        cancel: What the future calls when it is cancelled.
    """

    def __init__(self, call_target: str, number: int | None, *, cancel: Callable[[], None]) -> None:
        self.number = new_number() if number is None else number
        self.id = f"{_SESSION}-{self.number}"
        self.call_target = call_target
        self._future: TaskFuture[T] = TaskFuture(cancel, lambda: self._status is TaskStatus.RUNNING)
        self.future: Future[T] = self._future
        self._lock = threading.Lock()
        self._status = TaskStatus.PENDING
        self._cancel_asked = False
        self._cancel_step: CancelStep | None = None
        self._progress = _NOTHING_SAID
        self._outputs: dict[str, object] = {}
        self._remembers: Remembers | None = None  # its lines; set by the driver
        self._audience = Audience(self._lock)

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.call_target} {self.status.value}>"

    # -------------------------------------------------------------- questions

    @property
    def status(self) -> TaskStatus:
        """Where the task is in its life."""
        return self._status

    @property
    def result(self) -> T:
        """What the function returned; never waits.

        Raises:
            InvalidStateError: The task has not completed.
        """
        if self._status is not TaskStatus.COMPLETED:
            message = f"{self!r} has no result; wait_for() waits for its end"
            raise InvalidStateError(message)
        return self.future.result()

    @property
    def exception(self) -> WetlandsError | None:
        """The exception of a failed task, or None: an `ExecutionException`, or what a build raises."""
        if self._status is not TaskStatus.FAILED:
            return None
        exception = self.future.exception()
        return exception if isinstance(exception, WetlandsError) else None

    @property
    def error(self) -> TaskFailure | None:
        """How a failed task failed, as data, or None."""
        exception = self.exception
        return None if exception is None else exception.failure

    @property
    def traceback(self) -> str | None:
        """The traceback in the worker as text, or None."""
        error = self.error
        return None if error is None else error.traceback

    @property
    def message(self) -> str | None:
        """What the task last said it is doing."""
        return self._seen.message

    @property
    def current(self) -> Number | None:
        """How much is done, in the function's own unit."""
        return self._seen.current

    @property
    def maximum(self) -> Number | None:
        """How much there is to do, in the function's own unit."""
        return self._seen.maximum

    @property
    def progress(self) -> float | None:
        """The part that is done, between 0 and 1, or None while the task has not said both counts."""
        seen = self._seen
        if seen.current is None or not seen.maximum:
            return None
        return min(1.0, max(0.0, seen.current / seen.maximum))

    @property
    def stage(self) -> str | None:
        """The part of a build that is under way; None for a call.

        It is one of ``"waiting"`` (for another build, or a tool that is being fetched), ``"create"``, ``"solve"``,
        ``"download"``, ``"link"``, ``"install"`` (of packages of PyPI and local ones), and ``"commands"``.
        """
        return self._seen.stage

    @property
    def unit(self) -> str | None:
        """What `current` and `maximum` of a build count, ``"bytes"`` or ``"packages"``; None for a call."""
        return self._seen.unit

    @property
    def outputs(self) -> Mapping[str, object]:
        """The named results that the function has given so far."""
        return MappingProxyType(self._outputs)

    @property
    def cancel_requested(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancel_asked

    @property
    def cancel_step(self) -> CancelStep | None:
        """How far a cancellation by force has come; see `cancel`."""
        return self._cancel_step

    @property
    def _seen(self) -> Progress | TaskEvent:
        event = event_in_view()
        return event if event is not None and event.task is self else self._progress

    # -------------------------------------------------- called by the driver

    def _set_running(self) -> bool:
        with self._lock:
            if self._status is not TaskStatus.PENDING:
                return False
            self._status = TaskStatus.RUNNING
            self._announce(TaskEventType.STARTED)
            return True

    def _drop(self) -> None:
        """Cancel it unless it runs already."""
        self._end(TaskStatus.CANCELED, self._future.settle_canceled, unless=TaskStatus.RUNNING)

    def _set_progress(self, message: str | None, current: Number | None, maximum: Number | None) -> None:
        with self._lock:
            if self._status in TERMINAL_EVENTS:
                return
            self._progress = self._progress.merged(message, current, maximum)
            self._announce(TaskEventType.UPDATE)

    def _show(self, progress: Progress) -> None:
        """Replace all that was said about the progress: what was counted in another stage counts no more."""
        with self._lock:
            if not self._status.is_finished():
                self._progress = progress
                self._announce(TaskEventType.UPDATE)

    def _set_output(self, key: str, value: object) -> None:
        with self._lock:
            if not self._status.is_finished():
                self._outputs[key] = value
                self._announce(TaskEventType.UPDATE)

    def _set_cancel_step(self, step: CancelStep) -> None:
        with self._lock:
            if self._status is TaskStatus.RUNNING:
                self._cancel_step = step
                self._announce(TaskEventType.UPDATE)

    def _complete(self, result: T) -> None:
        self._end(TaskStatus.COMPLETED, lambda: self.future.set_result(result))

    def _fail(self, failure: TaskFailure) -> None:
        self._end(TaskStatus.FAILED, lambda: self.future.set_exception(ExecutionException(failure)))

    def _fail_with(self, error: WetlandsError) -> None:
        error.of_task(self.id, self.call_target)
        self._end(TaskStatus.FAILED, lambda: self.future.set_exception(error))

    def _settle_canceled(self) -> None:
        self._end(TaskStatus.CANCELED, self._future.settle_canceled)

    def _when_done(self, callback: Callable[[], None]) -> None:
        self._future.when_done(lambda _: callback())

    def _end(self, to: TaskStatus, settle: Callable[[], object], unless: TaskStatus | None = None) -> None:
        with self._lock:
            if self._status is unless or to not in MOVES.get(self._status, ()):
                return
            self._status = to
            if self._audience:
                self._announce(TERMINAL_EVENTS[to])
        settle()
        self._let_go()

    def _let_go(self) -> None:
        """It has ended: what it does not need any more, and what refers to it, need not wait for a garbage collector.

        Else a result that nobody has any more, gigabytes perhaps, would stay with it until then.
        """
        self._future.let_go()

    def _event(self, kind: TaskEventType) -> TaskEvent:
        return event_of(self, kind, self._progress, self._cancel_step)  # type: ignore[arg-type]  # Task[object]

    def _announce(self, kind: TaskEventType) -> None:
        if self._audience:
            self._audience.announce(self._event(kind))
