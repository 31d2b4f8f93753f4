"""Keeps shared memory alive while it is on its way from one process to another.

Who receives memory opens it through the process that sent it, so the sender must have it until then, and
may have forgotten it: the result of a function is nobody's once it is sent. So what is sent is *lent*: kept, with a
number, until the receiver has written a mark at that number into a page that the sender shares for this purpose. A
thread looks at the marks while anything is lent, and ends soon after.

Calls may wait for hours before they are sent, and may be canceled: what is lent for one ends with its `Holder` at the
latest. What is lent for anything else and never received is kept for an hour.
"""

import os
import time
from _thread import _local, allocate_lock, start_new_thread
from contextlib import suppress
from weakref import ref

from wetlands_worker.shared_memory import Memory, create, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    Ticket = tuple[str, int]
    Loan = tuple[Memory, float, "Optional[ref[Holder]]"]

__all__ = ["Holder", "Lender", "arrived", "lend"]

_PLACES = 1 << 16
"""More than wait in any queue; when there are more, the first is forgotten."""
_PATIENCE = 3600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.25
_LINGER = 0.3  # seconds after the last loan: calls that follow each other should not start a thread each


_current = _local()


class Holder:
    """What is lent on this thread inside of a ``with`` block of it is kept as long as it is referred to."""

    __slots__ = ("__weakref__",)

    def __enter__(self) -> None:
        _current.holder = self

    def __exit__(self, *_error: object) -> None:
        _current.holder = None


class Lender:
    """What this process has lent.

    Args:
        patience: For how many seconds memory is kept that nobody receives, and that has no holder.
        places: How many can be lent at a time.
    """

    def __init__(self, *, patience: float = _PATIENCE, places: int = _PLACES) -> None:
        self._patience = patience
        self._places = places
        self._lock = allocate_lock()
        self._page: "Optional[Memory]" = None
        self._lent: "dict[int, Loan]" = {}
        self._next = 0
        self._watched = False
        self._last = 0.0
        self._process = os.getpid()

    def lend(self, memory: Memory) -> "Ticket":
        """Keep memory until `arrived` was called with what is returned.

        Raises:
            ValueError: It was asked that no other process opens it.
        """
        if memory.removed:
            problem = "this shared memory was unlinked, so no other process can open it; send it before unlink()"
            raise ValueError(problem)
        with self._lock:
            if self._page is None:
                self._page = create(self._places)
            place = self._free_place()
            self._page[place] = 0
            holder: "Optional[Holder]" = getattr(_current, "holder", None)
            self._last = now = time.monotonic()
            self._lent[place] = memory, now + self._patience, None if holder is None else ref(holder)
            if not self._watched:
                self._watched = True
                start_new_thread(self._watch, ())
            return self._page.name, place

    def _free_place(self) -> int:
        if len(self._lent) >= self._places:
            self._lent.pop(next(iter(self._lent)))  # the oldest
        while self._next in self._lent:
            self._next = (self._next + 1) % self._places
        place = self._next
        self._next = (self._next + 1) % self._places
        return place

    def _watch(self) -> None:
        pause = _FIRST_PAUSE
        while self._settle():
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _settle(self) -> bool:
        """Forget what has arrived; whether something is still lent."""
        now = time.monotonic()
        done: "list[object]" = []  # ended outside of the lock: its end may unmap gigabytes
        with self._lock:
            page = self._page
            for place, (_, until, holder) in list(self._lent.items()):
                over = now > until if holder is None else holder() is None
                if page is None or page[place] or over:
                    done.append(self._lent.pop(place))
            if not self._lent and now > self._last + _LINGER:
                self._watched = False
                self._page = None
                done.append(page)
            return self._watched

    def outstanding(self) -> int:
        """How many are lent."""
        with self._lock:
            return len(self._lent)


_lender = Lender()


def lend(memory: Memory) -> "Ticket":
    """See `Lender.lend`."""
    global _lender  # noqa: PLW0603 - a forked process begins with nothing lent
    if _lender._process != os.getpid():  # noqa: SLF001 - its other half
        _lender = Lender()
    return _lender.lend(memory)


def arrived(ticket: "Ticket") -> None:
    """Tell the sender that the memory is mapped here."""
    name, place = ticket
    with suppress(FileNotFoundError):  # it has died, or has given up
        find(name)[place] = 1
