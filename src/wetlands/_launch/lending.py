"""How much all workers of this program may lend to it together: the results that it has, and those on their way.

Each worker may lend a share without asking, and asks for more, see `wetlands_worker.room`. What it is granted counts
from then on until it says that it needs less, or until its last result is gone where it has died. A worker that is not
granted what it needs sends the result through the connection: a program that keeps many results must not hang, and
there is nothing that could be waited for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from wetlands._platform.segment import most_in_flight
from wetlands_worker.room import share_of
from wetlands_worker.zones import class_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands_worker.exchange import Exchange

__all__ = ["Lending", "lending"]


class Lending:
    """The books of it; any thread may call.

    Args:
        limit: How many bytes may be lent by all.
    """

    def __init__(self, limit: Callable[[], int] = most_in_flight) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._allowed: WeakKeyDictionary[Exchange, int] = WeakKeyDictionary()
        self._ended: WeakSet[Exchange] = WeakSet()

    def join(self, exchange: Exchange) -> None:
        """There is a worker, which may lend its share."""
        with self._lock:
            self._allowed[exchange] = share_of(self._limit())

    def leave(self, exchange: Exchange) -> None:
        """It has ended: what counts is what is still in use of its memory."""
        with self._lock:
            self._allowed.pop(exchange, None)
            self._ended.add(exchange)

    def ask(self, exchange: Exchange, needed: int, wanted: int) -> int:
        """Let a worker lend more: what it wants, or else what it needs, or else nothing; how much more it is."""
        with self._lock:
            if exchange not in self._allowed:
                return 0
            room = self._limit() - self._total()
            granted = next((amount for amount in (wanted, needed) if amount <= room), 0)
            self._allowed[exchange] += granted
            return granted

    def gave(self, exchange: Exchange, amount: int) -> None:
        """A worker needs so much less."""
        with self._lock:
            if exchange in self._allowed:
                self._allowed[exchange] -= amount

    def total(self) -> int:
        """How many bytes may be in use now."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        left = sum(class_of(length) for it in self._ended for _, length, _ in list(it.leases.values()))
        return sum(self._allowed.values()) + left


lending = Lending()
"""That of this program."""
