"""Where the items of a stream lie between the thread that receives them and the one that takes them."""

from __future__ import annotations

import threading
import time
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._tasks.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Empty", "Inbox"]

T = TypeVar("T")


class Empty(Enum):
    """Why there is no item."""

    YET = "none has come yet"
    ENDED = "no more will come"


class Inbox(Generic[T]):
    """The items of a stream that have come and were not taken; any thread may use it.

    Args:
        window: How many items there may be at most.

    Attributes:
        grant: Tells the producer that it may send so many more.
        taker: The identity of the thread that took an item last, or made this.
    """

    def __init__(self, window: int) -> None:
        self.grant: Callable[[int], object] = lambda _: None
        self.taker = threading.get_ident()
        self._changed = threading.Condition(threading.Lock())
        self._items: deque[T] = deque()
        self._window = Window(window)
        self._ended = False
        self._waiters: list[Callable[[object], object]] = []

    @property
    def window(self) -> int:
        """How many items there may be at most."""
        return self._window.size

    @property
    def paused(self) -> bool:
        """Whether the producer waits until items are taken."""
        return self._window.paused

    @property
    def overrun(self) -> bool:
        """Whether more items came than may be here."""
        return self._window.overrun

    def paused_seconds(self) -> float:
        """For how long the producer has waited for that, all in all."""
        with self._changed:
            return self._window.paused_seconds(time.monotonic())

    def put(self, item: T) -> None:
        """An item came."""
        with self._changed:
            if self._ended:  # nobody takes it
                return
            self._items.append(item)
            self._window.received(time.monotonic())
            waiters = self._woken()
        for waiter in waiters:
            waiter(None)

    def end(self) -> None:
        """No more will come; those that are here can be taken."""
        with self._changed:
            self._ended = True
            waiters = self._woken()
        self.grant = lambda _: None  # it holds the call, which holds this
        for waiter in waiters:
            waiter(None)

    def close(self) -> None:
        """Nobody takes any more."""
        self.end()
        with self._changed:
            self._items.clear()

    def take(self, *, wait: bool = True) -> T | Empty:
        """The next item, or why there is none; `Empty.YET` only if it is not to be waited for."""
        self.taker = threading.get_ident()
        with self._changed:
            while not self._items:
                if self._ended:
                    return Empty.ENDED
                if not wait:
                    return Empty.YET
                self._changed.wait()
            item = self._items.popleft()
            more = self._window.taken(time.monotonic())
        if more:
            self.grant(more)
        return item

    def when_ready(self, callback: Callable[[object], object]) -> None:
        """Call `callback` once, when `take` need not wait: now, or on the thread that brings the item."""
        with self._changed:
            if not self._items and not self._ended:
                self._waiters.append(callback)
                return
        callback(None)

    def _woken(self) -> list[Callable[[object], object]]:
        self._changed.notify_all()
        waiters, self._waiters = self._waiters, []
        return waiters
