"""Notices calls that would wait for ever: for a worker that itself waits for whoever makes the call.

A callback that executes something on the pool whose only worker waits for that callback; or a loop over a stream that
executes something on the worker which waits until the loop takes an item. Whoever waits for a place in a pool is noted
here, with what he holds up. A pool is stuck when each of its workers is held up by somebody who waits for a stuck pool.
What waits elsewhere (for a lock, in an event loop, with a limit of time) is not seen.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wetlands._pool.callbacks import called_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wetlands._pool.call import Call

__all__ = ["Place", "Wait", "Waits", "stuck", "waits"]


class Place(Protocol):
    """A pool, as far as waiting for it goes."""

    @property
    def all_running(self) -> Sequence[Call] | None:
        """The calls that its workers run; None when one of them is free, or will be without them."""


@dataclass(frozen=True, eq=False)
class Wait:
    """A thread that waits until a pool has a worker for its call.

    Attributes:
        place: The pool.
        callers: The calls that wait for this thread.
        thread: Its identity.
        fail: Has the wait fail, if its call has not begun; whether it has.
    """

    place: Place
    callers: tuple[Call, ...]
    thread: int
    fail: Callable[[], bool]

    def holds_up(self, call: Call) -> bool:
        """Whether a call cannot go on before this wait is over."""
        return any(call is caller for caller in self.callers) or call.waits_for(self.thread)


def stuck(waiting: Iterable[Wait]) -> list[Wait]:
    """Those that would wait for ever."""
    left = list(waiting)
    while True:
        free = [wait for wait in left if not _is_held_up(wait.place, left)]
        if not free:
            return left
        places = {id(wait.place) for wait in free}
        left = [wait for wait in left if id(wait.place) not in places]


def _is_held_up(place: Place, waiting: Sequence[Wait]) -> bool:
    running = place.all_running
    return running is not None and all(any(wait.holds_up(call) for wait in waiting) for call in running)


class Waits:
    """All that wait now, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: list[Wait] = []

    @contextmanager
    def waiting(self, place: Place, fail: Callable[[], bool]) -> Iterator[None]:
        """The calling thread waits in the block; it may be told at once that this would last for ever."""
        wait = Wait(place, called_from(), threading.get_ident(), fail)
        with self._lock:
            self._waits.append(wait)
        try:
            self.look()
            yield
        finally:
            with self._lock:
                self._waits.remove(wait)

    def look(self) -> None:
        """Something has begun to wait: see whether that closed a circle, and break it at the wait that came last."""
        if not self._waits:
            return
        with self._lock:
            hopeless = stuck(self._waits)
        any(wait.fail() for wait in reversed(hopeless))  # the first one that can


waits = Waits()
"""Those of this process."""
