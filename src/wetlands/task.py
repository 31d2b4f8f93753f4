"""A task: one call into an environment, followed from the moment it is asked for until its end.

`Task` is one state machine. What drives it (a pool of workers, a thread of this process, a build) calls the methods
that begin with an underscore; what uses it calls the others, from any thread.
"""

from __future__ import annotations

import logging
import math
from concurrent.futures import CancelledError
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from wetlands._tasks.audience import tell
from wetlands._tasks.coroutines import called_back, events_of
from wetlands._tasks.delivery import delivery
from wetlands._tasks.driver import ENDED, GRACE_SECONDS
from wetlands._tasks.events import TERMINAL_EVENTS, TaskEvent, TaskEventType, TaskStatus
from wetlands._tasks.future import wait_done
from wetlands._tasks.life import TaskLife
from wetlands._tasks.lines import LogLine, lines_of
from wetlands_worker.failures import (
    RemoteExceptionInfo,
    TaskFailure,
    TaskFailureCategory,
    TracebackFrame,
    WorkerInfo,
)
from wetlands_worker.handle import RemoteTaskHandle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator
    from types import TracebackType

    from wetlands._tasks.driver import Driver
    from wetlands._tasks.events import Listener

__all__ = [
    "LogLine",
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
_LISTENER_GRACE_SECONDS = 1.0
_LINES_SECONDS = 2.0
_SAY_WAITING_AFTER_SECONDS = 5.0


class Task(TaskLife[T]):
    """One call into an environment.

    It can be waited for (`wait_for`), awaited, listened to (`listen`, `events`), and used as a context manager that
    cancels what is left of it on the way out, and waits for its end. Every method may be called from every thread.

    Leaving a ``with`` block early, and cancelling an ``await``, are cancellations by force: a function that goes on for
    five seconds after it was asked gets a KeyboardInterrupt, and after five more loses its worker. Another number of
    seconds is given by ``cancel(force_after=...)`` before. Ctrl-C while a block waits forces at once. A task of this
    process can only be asked.

    Attributes:
        id: A text that is unique in this process, and on every log record of the task.
        call_target: What is called, as ``module:function``.
        future: A `concurrent.futures.Future` with the same result.
    """

    def __init__(self, driver: Callable[[Task[T]], Driver], call_target: str, number: int | None = None) -> None:
        super().__init__(call_target, number, cancel=self.cancel)
        self._started = False
        self._force_after: float | None = None
        self._driver = driver(self)

    def _let_go(self) -> None:
        super()._let_go()
        self._driver = ENDED

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

    def logs(self) -> list[LogLine]:
        """What the task has written so far: lines of its stdout and stderr, and records of ``task.log``.

        Each of the three is in its order; among each other they stand as they came here. When the task has ended, this
        waits for what was written before and is still on its way, two seconds at most.

        Nothing is kept for a task: each worker remembers its last 10,000 lines of stdout, as many of stderr and as many
        records (4 MB of each), whichever task they are of. So what a task wrote long ago, or in too many lines, is gone
        from the beginning. They are there also when the worker has died.

        What C code or a child process writes belongs to the task once that has printed something from Python on the
        same stream; before that, it is nobody's. In the environment of this process (`main_environment`) there are
        records only, since what is printed goes to where this program prints. Builds, and tasks of
        `pending_results`, have none.

        Secrets that were declared by `wetlands.logger.hide_secrets` are masked.
        """
        remembers = self._remembers
        if remembers is None:
            return []
        return lines_of(remembers, self.id, _LINES_SECONDS if self._status.is_finished() else 0.0)

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
            self._leave()
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
        self._leave()
        with self._forcing_what_interrupts():
            if not wait_done(self.future, _SAY_WAITING_AFTER_SECONDS):
                _log.warning("Still waiting for %r, which was asked to stop and has not", self)
            self.wait_for()

    async def __aenter__(self) -> Task[T]:
        return self.start()

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if not self._status.is_finished():
            self._leave()
            with self._forcing_what_interrupts():
                await self._ended()

    def _leave(self) -> None:
        """Cancel it, by force where that is possible and nobody has said after how long."""
        if self._force_after is None:
            with suppress(ValueError):  # it runs in this process: it was asked
                self.cancel(force_after=GRACE_SECONDS)

    @contextmanager
    def _forcing_what_interrupts(self) -> Iterator[None]:
        """Ctrl-C, or another cancellation, while its end is waited for: no more patience."""
        try:
            yield
        except BaseException:
            with suppress(ValueError):
                self.cancel(force_after=0)
            raise
