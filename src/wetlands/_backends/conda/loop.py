"""One event loop thread for all that the engine does, there only while something is done."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._backends.conda.telling import telling
from wetlands.exceptions import ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context
    from types import TracebackType

    from wetlands._backends.api import BuildObserver

    Told = Callable[[BuildObserver], None]
    Tell = Callable[[Told], None]

__all__ = ["run"]

_T = TypeVar("_T")
# The observer can only be asked, it cannot wake us: this is how long a cancellation may go unnoticed.
_ASK_SECONDS = 0.1


def run(work: Callable[[Tell], Coroutine[None, None, _T]], observer: BuildObserver) -> _T:
    """Run a coroutine on the loop of the library and wait for it, in the thread of the caller.

    Whatever way this ends, by success, error, cancellation, Ctrl+C or an exception of the observer: the coroutine has
    ended by then.

    Args:
        work: Makes the coroutine. What it tells, by calling its argument from any thread with a function that takes the
            observer, is done in the thread of the caller.
        observer: Hears what is told, and may ask to stop.

    Raises:
        ProvisioningCanceledError: The observer asked to stop.
    """
    told: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
    with _SHARED as loop:
        job = _Job(loop, work(told.put), lambda: told.put(None))
        try:
            _hear(told, observer)
        finally:
            job.stop()  # it has ended already when nothing went wrong
    return job.result()


def _hear(told: queue.SimpleQueue[Told | None], observer: BuildObserver) -> None:
    """Pass on what is told until the end is."""
    while True:
        if observer.cancel_requested:
            raise ProvisioningCanceledError("The build was cancelled.")
        try:
            message = told.get(timeout=_ASK_SECONDS)
        except queue.Empty:
            continue
        if message is None:
            return
        message(observer)


class _Job(Generic[_T]):
    """A coroutine on the loop of another thread, which can be stopped and waited for."""

    def __init__(self, loop: _Loop, work: Coroutine[None, None, _T], ended: Callable[[], None]) -> None:
        self._loop = loop
        self._ended = threading.Event()
        self._tell_end = ended
        self._task: asyncio.Task[_T] | None = None
        loop.ask(self._begin, work)

    def stop(self) -> None:
        """Cancel it, and wait until it has cleaned up."""
        self._loop.ask(self._cancel)
        self._ended.wait()

    def result(self) -> _T:
        """Return what it returned, or raise what it raised; it has ended."""
        assert self._task is not None  # noqa: S101 - narrows the type: `_begin` ran, the end was told
        return self._task.result()

    def _begin(self, work: Coroutine[None, None, _T]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._done)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _done(self, _task: object) -> None:
        self._ended.set()
        self._tell_end()


class _Loop(asyncio.SelectorEventLoop):
    """An event loop with a way in for us, and the usual one for the engine: see `telling`."""

    ask = asyncio.SelectorEventLoop.call_soon_threadsafe

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *arguments: object, context: Context | None = None
    ) -> asyncio.Handle:
        with telling:
            return super().call_soon_threadsafe(callback, *arguments, context=context)


class _LoopThread:
    """A thread with an event loop, from the first who enters to the last who leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: _Loop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> _Loop:
        with self._lock:
            if self._loop is None:
                self._loop = _Loop()
                self._thread = threading.Thread(
                    target=_live, args=(self._loop,), name="wetlands-conda-engine", daemon=True
                )
                self._thread.start()
            self._users += 1
            return self._loop

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        loop.ask(loop.stop)
        thread.join()


def _live(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then what is left in it to its end: a second Ctrl+C did not wait for that."""
    try:
        loop.run_forever()
        if left := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(left))
    finally:
        loop.close()


_SHARED = _LoopThread()
