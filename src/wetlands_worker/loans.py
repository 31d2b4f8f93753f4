"""Pieces of shared memory that were sent on as they are, kept until the other side is done with them.

The host is the middle of a star: a worker that is sent a piece of another worker's memory returns it to the host, which
alone is known to its owner. So every piece is counted in one place, by the objects that refer to it, and a worker that
dies returns all that it had been lent (`Loans.clear`).
"""

from _collections import deque  # type: ignore[import-not-found]  # `collections` itself is slower to import
from _struct import Struct
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Deque, Dict, List, Optional

    from wetlands_worker.pieces import Piece

__all__ = ["COMMON", "COMMON_PLACE", "OFFSET_BITS", "PLACE", "SHARED", "Loan", "Loans"]

SHARED = 1 << 63
"""In the length of a buffer: its place follows, instead of its bytes."""

COMMON = 1 << 62
"""In the length of a buffer as well: its piece is common."""

COMMON_PLACE = 1 << 63
"""In a place that is returned: it was lent as common."""

OFFSET_BITS = 40
"""A place is an offset in this many bits, and above them the number of a segment; 0: that of the connection."""

PLACE = Struct("<Q")


class Loan:
    """A common piece on its way to the other side; taken back when it is never sent."""

    __slots__ = ("_loans", "_place", "announced", "sent")

    def __init__(self, loans: "Loans", place: int, length: int) -> None:
        self._loans = loans
        self._place = place
        self.announced = length | SHARED | COMMON
        self.sent = False

    def place(self) -> bytes:
        """What crosses instead of the bytes."""
        return PLACE.pack(self._place)

    def __del__(self) -> None:
        if not self.sent:
            self._loans.unsent.append(self._place)


class Loans:
    """What one side has lent as common, by place.

    Attributes:
        unsent: Places that were not lent in the end; from finalizers, which may take no lock.
    """

    __slots__ = ("_lock", "_pieces", "unsent")

    def __init__(self) -> None:
        self._pieces: "Dict[int, List[Piece]]" = {}
        self._lock = allocate_lock()
        self.unsent: "Deque[int]" = deque()

    def __len__(self) -> int:
        return sum(map(len, list(self._pieces.values())))

    def lend(self, piece: "Piece", number: int) -> Loan:
        """Keep a piece until it is returned as often as it was lent."""
        while self.unsent:
            self.returned(self.unsent.popleft())
        place = number << OFFSET_BITS | piece.offset
        with self._lock:
            self._pieces.setdefault(place, []).append(piece)
        return Loan(self, place, piece.length)

    def find(self, place: int) -> "Optional[Piece]":
        """The piece that was lent, when the other side sends it back as a value."""
        with self._lock:
            pieces = self._pieces.get(place)
            return pieces[-1] if pieces else None

    def returned(self, place: int) -> None:
        """The other side is done with one loan of it. One that was not lent is ignored."""
        with self._lock:
            pieces = self._pieces.get(place)
            piece = pieces.pop() if pieces else None
            if not pieces:
                self._pieces.pop(place, None)
        del piece  # outside of the lock: it may be the last to refer to it

    def clear(self) -> None:
        """The other side is gone."""
        with self._lock:
            pieces, self._pieces = self._pieces, {}
        pieces.clear()
        self.unsent.clear()
