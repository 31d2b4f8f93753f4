"""A task: one call into an environment, followed from the moment it is asked for until its end.

`Task` is one state machine. What drives it (a pool of workers, a thread of this process, a build) calls the methods
that begin with an underscore; what uses it calls the others, from any thread.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import threading
from concurrent.futures import CancelledError, InvalidStateError
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._tasks.audience import Audience, event_in_view, tell
from wetlands._tasks.coroutines import called_back, events_of
from wetlands._tasks.delivery import delivery
from wetlands._tasks.events import (
    MOVES,
    TERMINAL_EVENTS,
    Progress,
    TaskEvent,
    TaskEventType,
    TaskStatus,
)
from wetlands._tasks.future import TaskFuture, wait_done
from wetlands.exceptions import ExecutionException
from wetlands_worker.failures import (
    RemoteExceptionInfo,
    TaskFailure,
    TaskFailureCategory,
    TracebackFrame,
    WorkerInfo,
)
from wetlands_worker.handle import RemoteTaskHandle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Mapping
    from concurrent.futures import Future
    from types import TracebackType

    from wetlands._tasks.driver import Driver
    from wetlands._tasks.events import CancelStep, Listener, Number

__all__ = [
    "RemoteExceptionInfo",
    "RemoteTaskHandle",
    "Task",
    "TaskEvent",
    "TaskEventType",
    "TaskFailure",
    "TaskFailureCategory",
    "TaskStatus",
    "TracebackFrame",
    "WorkerInfo",
]

T = TypeVar("T")
_log = logging.getLogger("wetlands")
_SESSION = os.urandom(3).hex()
_numbers = itertools.count(1)
_LISTENER_GRACE_SECONDS = 1.0
_SAY_WAITING_AFTER_SECONDS = 5.0


def session() -> str:
    """What the ids of this process's tasks start with."""
    return _SESSION


def new_number() -> int:
    """The number of the next task; it never comes twice in a process."""
    return next(_numbers)


class Task(Generic[T]):
    """One call into an environment.

    It can be waited for (`wait_for`), awaited, listened to (`listen`, `events`), and used as a context manager that
    cancels what is left of it on the way out. Every method may be called from every thread.

    Attributes:
        id: A text that is unique in this process, and on every log record of the task.
        call_target: What is called, as ``module:function``.
        future: A `concurrent.futures.Future` with the same result.
    """

    def __init__(self, driver: Callable[[Task[T]], Driver], call_target: str, number: int | None = None) -> None:
        self.number = new_number() if number is None else number
        self.id = f"{_SESSION}-{self.number}"
        self.call_target = call_target
        self._future: TaskFuture[T] = TaskFuture(self.cancel, lambda: self._status is TaskStatus.RUNNING)
        self.future: Future[T] = self._future
        self._lock = threading.Lock()
        self._status = TaskStatus.PENDING
        self._started = False
        self._cancel_asked = False
        self._force_after: float | None = None
        self._cancel_step: CancelStep | None = None
        self._progress = Progress()
        self._outputs: dict[str, object] = {}
        self._audience = Audience(self._lock)
        self._driver = driver(self)

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
    def exception(self) -> ExecutionException | None:
        """The exception of a failed task, or None."""
        if self._status is not TaskStatus.FAILED:
            return None
        exception = self.future.exception()
        return exception if isinstance(exception, ExecutionException) else None

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

    # ----------------------------------------------------------------- verbs

    def start(self) -> Task[T]:
        """Hand the task to its environment; further calls do nothing."""
        with self._lock:
            if self._started or self._status.is_finished():
                return self
            self._started = True
        self._driver.start()
        if self._cancel_asked:  # while the driver was being told, when it may not have known the task yet
            self._driver.cancel(self._force_after)
        return self

    def cancel(self, *, force_after: float | None = None) -> None:
        """Drop the task while it waits; ask it to stop while it runs.

        A running function learns it from ``task.cancel_requested``; if it then returns normally, the task completes.

        Args:
            force_after: Seconds until a function that still runs gets a KeyboardInterrupt; after as many again, and at
                least half a second, its worker is killed and replaced, and the task is canceled. Each step is an
                ``UPDATE`` event with its ``cancel_step``, and a record of the log. None: it is only asked. It may be
                given to a later call, also to change it.

        Raises:
            ValueError: ``force_after`` is no time, or the task runs in this process, where nothing can be forced; it
                was asked then.
        """
        if force_after is not None and not 0 <= force_after < math.inf:
            message = f"force_after is a number of seconds from 0 up, or None, not {force_after!r}"
            raise ValueError(message)
        with self._lock:
            if self._status.is_finished() or (self._cancel_asked and force_after is None):
                return
            self._cancel_asked = True
            self._force_after = force_after
            started = self._started
        if force_after is not None:
            self._set_cancel_step("asked")
        if started:
            self._driver.cancel(force_after)
        else:
            self._settle_canceled()

    def stack(self) -> str:
        """What the worker of the task is doing now: the Python stacks of its threads as text, the main thread first.

        It can be had at any time; what waits, has ended, or cannot be looked into says so. It takes milliseconds, and
        two seconds when the worker does not answer, as in native code that holds Python's lock.
        """
        if self._status is not TaskStatus.RUNNING:
            return f"No stack: {self!r} does not run."
        return self._driver.stack()

    def wait_for(self, timeout: float | None = None) -> Task[T]:
        """Wait for the end of the task, whatever it is; start it if nobody has.

        Listeners have been told of the end when this returns, unless one of them takes longer than a second.

        Args:
            timeout: Seconds to wait at most; None waits as long as the task takes.

        Returns:
            This task. Its failure is not raised: look at `status`, `error`, or `result`.

        Raises:
            TimeoutError: The task is still unfinished; it goes on.
        """
        self.start()
        if not wait_done(self.future, timeout):
            message = f"{self!r} is unfinished after {timeout} s"
            raise TimeoutError(message)
        if not delivery.owns_current_thread():
            with self._lock:
                told = self._audience.all_told
            if told is not None:
                told.wait(_LISTENER_GRACE_SECONDS)
        return self

    def listen(self, listener: Listener) -> None:
        """Call `listener` with a `TaskEvent` for all that happens from now on, in order, on a thread of its own.

        A task that has ended calls it at once with the event of its end. What it raises is logged, and harms nobody.
        """
        with self._lock:
            if not self._status.is_finished():
                self._audience.add(listener)
                return
            event = self._event(TERMINAL_EVENTS[self._status])
        tell(listener, event)

    def remove_listener(self, listener: Listener) -> None:
        """Call `listener` no more; one that is not known is ignored."""
        with self._lock:
            self._audience.remove(listener)

    async def events(self) -> AsyncIterator[TaskEvent]:
        """Iterate over what happens from now on, up to and with the end of the task; start it if nobody has."""
        async with aclosing(events_of(self)) as events:
            async for event in events:
                yield event

    def __await__(self) -> Generator[object, None, T]:
        """Wait in an event loop; the result, or the exception of the task. Cancelling the wait cancels the task."""
        return self._awaited().__await__()

    async def _awaited(self) -> T:
        try:
            await self._ended()
        except BaseException:
            self.cancel()
            raise
        try:
            return self.future.result()
        except CancelledError:
            import asyncio  # noqa: PLC0415 - see events()

            raise asyncio.CancelledError(str(self)) from None

    async def _ended(self) -> None:
        self.start()
        await called_back(self._future.when_done)

    def __enter__(self) -> Task[T]:
        return self.start()

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._status.is_finished():
            return
        self.cancel()
        if not wait_done(self.future, _SAY_WAITING_AFTER_SECONDS):
            _log.warning("Still waiting for %r, which was asked to stop and has not looked at cancel_requested", self)
        self.wait_for()

    async def __aenter__(self) -> Task[T]:
        return self.start()

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if not self._status.is_finished():
            self.cancel()
            await self._ended()

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
            if self._status.is_finished():
                return
            self._progress = self._progress.merged(message, current, maximum)
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

    def _settle_canceled(self) -> None:
        self._end(TaskStatus.CANCELED, self._future.settle_canceled)

    def _when_done(self, callback: Callable[[], None]) -> None:
        self._future.when_done(lambda _: callback())

    def _end(self, to: TaskStatus, settle: Callable[[], object], unless: TaskStatus | None = None) -> None:
        with self._lock:
            if self._status is unless or to not in MOVES.get(self._status, ()):
                return
            self._status = to
            self._announce(TERMINAL_EVENTS[to])
        settle()

    def _event(self, kind: TaskEventType) -> TaskEvent:
        now = self._progress
        return TaskEvent(self, kind, now.message, now.current, now.maximum, self._cancel_step)  # type: ignore[arg-type]  # Task[object]

    def _announce(self, kind: TaskEventType) -> None:
        if self._audience:
            self._audience.announce(self._event(kind))
