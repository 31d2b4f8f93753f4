"""The `concurrent.futures.Future` of a task."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError  # the builtin one from Python 3.11 on
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wetlands._tasks.delivery import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["TaskFuture", "wait_done"]

T = TypeVar("T")
_log = logging.getLogger("wetlands")
_NOWHERE = nullcontext()


class TaskFuture(Future[T]):
    """The future of a task: cancelling it cancels the task, and callbacks run where they block nobody."""

    def __init__(self, cancel_task: Callable[[], None], is_running: Callable[[], bool]) -> None:
        super().__init__()
        self._cancel_task = cancel_task
        self._is_running = is_running
        self.line: Callable[[], AbstractContextManager[object]] | None = None
        """The place where a thread that waits without a limit says so, if that may matter."""

    def result(self, timeout: float | None = None) -> T:
        """What the function returned; see the base class."""
        with self._in_line(timeout):
            return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the function raised; see the base class."""
        with self._in_line(timeout):
            return super().exception(timeout)

    def _in_line(self, timeout: float | None) -> AbstractContextManager[object]:
        line = self.line
        return _NOWHERE if line is None or timeout is not None or self.done() else line()

    def cancel(self) -> bool:
        """Ask the task to stop; whether it is canceled now. A running one may go on to its end."""
        self._cancel_task()
        return self.cancelled()

    def running(self) -> bool:
        """Whether the task runs. The base class never learns it: it refuses to become cancelled from then on."""
        return self._is_running()

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Call `fn` with this future when it is done, on a thread of its own."""
        super().add_done_callback(lambda done: delivery.submit(partial(_call_back, fn, done)))

    def when_done(self, fn: Callable[[Future[T]], object]) -> None:
        """Like `add_done_callback`, at once, on the thread that ends the task: for code of ours that never waits."""
        super().add_done_callback(fn)

    def let_go(self) -> None:
        """It is done, and refers to its task no more."""
        self._cancel_task, self._is_running, self.line = _nothing, _never, None

    def settle_canceled(self) -> None:
        """Become cancelled, and tell those who wait in ``concurrent.futures.wait``."""
        super().cancel()
        self.set_running_or_notify_cancel()


def _nothing() -> None:
    pass


def _never() -> bool:
    return False


def _call_back(fn: Callable[[Future[T]], object], done: Future[T]) -> None:
    try:
        fn(done)
    except Exception:  # noqa: BLE001 - whatever user code raises
        _log.exception("A done-callback of a task failed")


def wait_done(future: Future[T], timeout: float | None) -> bool:
    """Wait until a future is done, however it ends; whether it is. Ctrl-C gets through."""
    try:
        future.exception(timeout)
    except CancelledError:
        return True
    except FutureTimeoutError:
        return future.done()
    return True
