"""A call whose items come one by one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar, cast

from wetlands._pool.call import TaskCall
from wetlands._pool.deadlock import waits
from wetlands_worker import messages
from wetlands_worker.arrivals import BrokenFrameError

if TYPE_CHECKING:
    from wetlands._plain.decoding import Decode
    from wetlands._pool.call import Limit, Work
    from wetlands._tasks.inbox import Inbox
    from wetlands.task import Task
    from wetlands_worker.arrivals import Received
    from wetlands_worker.frames import Bytes

__all__ = ["StreamCall", "check_window", "decoded"]

T = TypeVar("T")


class StreamCall(TaskCall[T]):
    """A call that a `Stream` follows; the time for which it waits until its items are taken is nobody's.

    Args:
        work: A STREAM.
        task: Its task.
        inbox: Where its items go, as they came.
    """

    __slots__ = ("_inbox",)

    def __init__(self, work: Work, task: Task[T], inbox: Inbox[object]) -> None:
        super().__init__(work, task)
        self._inbox = inbox

    def report(self, kind: int, body: Bytes, buffers: Received) -> None:
        if kind == messages.ITEM:
            self.heard = time.monotonic()
            self._inbox.put((self.decode, body, buffers))
            if self._inbox.overrun:  # nothing of ours would, and each item takes memory
                raise BrokenFrameError(f"{self.work.call_target} sent more items than it was asked for")
            if self._inbox.paused:
                waits.look()
        else:
            super().report(kind, body, buffers)

    def overdue(self, silence: float | None, written: float) -> tuple[float, Limit] | None:
        if self._inbox.paused:
            self.heard = time.monotonic()
        return super().overdue(silence, written)

    def waits_for(self, thread: int) -> bool:
        return self._inbox.paused and self._inbox.taker == thread

    def _running_since(self) -> float:
        return self._began + self._inbox.paused_seconds()


def decoded(item: object) -> object:
    """An item, of what a `StreamCall` put into its inbox.

    Raises:
        DecodeError: It cannot be rebuilt here.
    """
    decode, body, buffers = cast("tuple[Decode, Bytes, Received]", item)
    return decode(body, buffers)


def check_window(window: object) -> None:
    """Refuse what is no number of items.

    Raises:
        ValueError: It is none.
    """
    if type(window) is not int or window < 1:
        raise ValueError(f"window is a number of items from 1 up, not {window!r}")
