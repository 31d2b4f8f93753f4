"""Threads on which callbacks of users run, so that a slow or failing one harms nobody else.

A thread that reads answers of workers must never wait for user code. Listeners and done-callbacks are therefore handed
over to these threads; there are as many as callbacks that run at the same time, and they end when nothing is left.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Delivery", "delivery"]

_IDLE_SECONDS = 0.2
_MOST_THREADS = 64


class Delivery:
    """A pool of daemon threads that grows while callbacks wait and shrinks when none come."""

    def __init__(
        self,
        *,
        idle_seconds: float = _IDLE_SECONDS,
        most_threads: int = _MOST_THREADS,
        name: str = "wetlands-delivery",
    ) -> None:
        self._name = name
        self._idle_seconds = idle_seconds
        self._most_threads = most_threads
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._idle = 0
        self._threads: set[int] = set()

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work` on one of the threads; it must not raise."""
        with self._changed:
            self._waiting.append(work)
            if self._idle >= len(self._waiting):
                self._changed.notify()
                return
            if len(self._threads) >= self._most_threads:
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()  # waits until it runs; it takes the lock only later
            self._threads.add(thread.ident or 0)

    def owns_current_thread(self) -> bool:
        """Whether the caller is itself a callback."""
        return threading.get_ident() in self._threads

    def _run(self) -> None:
        while (work := self._take()) is not None:
            work()
            del work

    def _take(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            try:
                if not self._waiting and not self._changed.wait_for(lambda: self._waiting, self._idle_seconds):
                    self._threads.discard(threading.get_ident())
                    return None
                return self._waiting.popleft()
            finally:
                self._idle -= 1


delivery = Delivery()
"""The one of this process."""
