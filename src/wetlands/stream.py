"""The items of a function that runs in an environment, one by one while it makes them."""

from __future__ import annotations

import logging
from _thread import start_new_thread
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from wetlands._tasks.coroutines import called_back
from wetlands._tasks.inbox import Empty
from wetlands.exceptions import ExecutionException
from wetlands_worker.failures import TaskFailure, TaskFailureCategory
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from wetlands._tasks.inbox import Inbox
    from wetlands.task import Task

__all__ = ["Stream"]

T = TypeVar("T")
_log = logging.getLogger("wetlands")


class Stream(Generic[T]):
    """An iterator, for ``for`` and for ``async for``, over the items of a function; `Environment.stream` makes it.

    The function runs ahead of whoever takes its items by a bounded number of them, and waits then. Its failure is
    raised after the items that came before. Leaving a ``for`` loop early is not noticed before the stream is forgotten
    (at once in CPython, unless something still refers to it); ``with env.stream(...) as items:`` closes it for sure,
    and waits until the function has ended.

    Attributes:
        task: The task that runs the function: its progress, outputs, listeners, and stack.
    """

    def __init__(self, task: Task[object], inbox: Inbox[object], decode: Callable[[object], object]) -> None:
        self.task = task
        self._inbox = inbox
        self._decode = decode
        self._over = False
        task._when_done(inbox.end)  # noqa: SLF001 - the task drives its stream

    def __repr__(self) -> str:
        return f"<Stream of {self.task!r}>"

    @property
    def value(self) -> object:
        """What the generator returned, once it has.

        Raises:
            InvalidStateError: It has not returned: it runs, was closed, or failed.
        """
        return self.task.result

    def close(self, *, force_after: float | None = None) -> None:
        """Take no more items: the generator is closed at its next ``yield``; does not wait for that.

        What it does until then goes on, unless it looks at ``task.cancel_requested``.

        Args:
            force_after: Seconds until a function that still runs is ended by force; see `Task.cancel`.

        Raises:
            ValueError: ``force_after`` is no time, or the function runs in this process.
        """
        self._inbox.close()
        if not self._over:
            self._over = True
            if not self.task.status.is_finished():
                self.task._when_done(partial(_say_failed, self.task))  # noqa: SLF001 - see above
        self.task.cancel(force_after=force_after)

    # --------------------------------------------------------------- iterating

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        item = self._inbox.take()
        if item is Empty.ENDED:
            raise StopIteration(self._outcome())
        return self._decoded(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        self.task.__exit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            while (item := self._inbox.take(wait=False)) is Empty.YET:
                await called_back(self._inbox.when_ready)
        except BaseException:  # cancelled
            self.close()
            raise
        if item is not Empty.ENDED:
            return self._decoded(item)
        try:
            self._outcome()
        except CancelledError:
            import asyncio  # noqa: PLC0415 - it runs already

            raise asyncio.CancelledError(str(self)) from None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Take no more items, and wait until the generator is closed."""
        self.close()
        await self.task.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not self._over and not self.task.status.is_finished():
            with suppress(RuntimeError):  # the interpreter is ending
                start_new_thread(self.task.cancel, ())  # the collector may run this where any lock is held

    def _decoded(self, item: object) -> T:
        try:
            return cast("T", self._decode(item))
        except DecodeError as error:
            self.close()
            failure = TaskFailure(
                category=TaskFailureCategory.SERIALIZATION,
                message=str(error),
                task_id=self.task.id,
                call_target=self.task.call_target,
                serialization_context="item",
            )
            raise ExecutionException(failure) from error

    def _outcome(self) -> object:
        """What the generator returned; its failure is raised once, as that of a generator is."""
        if self._over:
            return None
        self._over = True
        return self.task.future.result()


def _say_failed(task: Task[object]) -> None:
    """The failure of a stream that nobody reads any more is told to the log."""
    if task.error is not None:
        _log.warning("%s failed after its stream was closed: %s", task.call_target, task.error)
