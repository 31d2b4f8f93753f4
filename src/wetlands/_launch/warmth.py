"""How much memory that nobody uses stays warm for the next arrays, between this program and all of its workers.

Memory is kept because it costs several times the copy to have it anew. Each zone bounds its own (`Zone`); but a
program may have a hundred workers, most of which have nothing to do. So when all keep too much together, those that
were used longest ago give theirs back. What a worker keeps on its side is known from what it was given back.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._platform.segment import most_in_flight
from wetlands_worker import messages
from wetlands_worker.exchange import Watcher
from wetlands_worker.zones import class_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.frames import Connection

__all__ = ["Pair", "Warmth", "warmth"]

_SHARE = 4  # of what may be on its way: two zones of one pair may keep all of it


class Warmth:
    """The books of it; any thread may call.

    Args:
        limit: How many bytes may be on their way; a quarter of that may be kept.
    """

    def __init__(self, limit: Callable[[], int] = most_in_flight) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: dict[Pair, int] = {}  # the longest unused first

    def note(self, pair: Pair, kept: int) -> None:
        """A pair was used, and keeps so much now; others may have to give back for that."""
        cold = []
        with self._lock:
            if pair.over:  # another thread was about to tell this when it ended
                return
            self._kept.pop(pair, None)
            self._kept[pair] = kept
            excess = sum(self._kept.values()) - self._limit() // _SHARE
            for other, amount in self._kept.items():
                if excess <= 0 or other is pair:
                    break
                if amount:
                    excess -= amount
                    cold.append(other)
        for other in cold:
            other.cool()
            with self._lock:
                if other in self._kept:
                    self._kept[other] = other.kept()

    def leave(self, pair: Pair) -> None:
        """It has ended, and keeps nothing."""
        with self._lock:
            pair.over = True
            self._kept.pop(pair, None)

    def total(self) -> int:
        """How many bytes are kept."""
        with self._lock:
            return sum(self._kept.values())


class Pair(Watcher):
    """The two zones that this program and one worker have for each other.

    Args:
        exchange: Our side.
        control: The control connection of the worker.
        books: Those of the program.

    Attributes:
        over: Whether the worker has ended; written under the lock of the books.
    """

    __slots__ = ("_books", "_control", "_exchange", "_far", "_lock", "over")

    def __init__(self, exchange: Exchange, control: Connection, books: Warmth) -> None:
        super().__init__()
        self._exchange = exchange
        self._control = control
        self._books = books
        self.over = False
        self._lock = threading.Lock()
        self._far: dict[int, int] = {}  # how many bytes the worker keeps in blocks of a length, as far as we know

    def came(self, length: int) -> None:
        """The worker has used a block: one that it kept, if it had one."""
        size = class_of(length)
        with self._lock:
            if self._far.get(size, 0) >= size:
                self._far[size] -= size

    def settle(self) -> None:
        """Blocks became free, here or there."""
        with self._lock:
            while self.ended:
                size = class_of(self.ended.popleft())
                self._far[size] = self._far.get(size, 0) + size
        self._books.note(self, self.kept())

    def kept(self) -> int:
        """How many bytes both zones keep at most."""
        with self._lock:
            far = sum(self._far.values())
        zone = self._exchange.zone
        return zone.idle_bytes + min(far, zone.idle_limit)

    def cool(self) -> None:
        """Keep nothing."""
        self._exchange.zone.cool()
        with suppress(OSError):  # the worker has gone
            if self._control.offer(messages.COOL, 0, b""):
                with self._lock:
                    self._far.clear()

    def leave(self) -> None:
        """The worker has ended."""
        self._books.leave(self)


warmth = Warmth()
"""That of this program."""
