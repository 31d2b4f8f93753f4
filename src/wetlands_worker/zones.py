"""Deals out the addresses of a zone: blocks by size class, and those first whose memory is warm.

A zone is the part of a shared file into which one process writes. A fresh page costs several times the copy that fills
it, so blocks that come back are kept with their memory, and the one that came last is the first to be used. What is
idle is bounded, in bytes and by age; beyond that its memory goes back to the system, and its addresses stay.

Nothing here knows of files: memory is given back by a function that is handed in, outside of the lock. Where the system
takes none back, addresses alone are given back, to be dealt out as blocks of other lengths.
"""

from _collections import deque  # type: ignore[import-not-found]  # `collections` itself is slower to import
from _thread import allocate_lock

from wetlands_worker.addresses import Addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Deque, Dict, List, Optional, Tuple

    Range = Tuple[int, int]

__all__ = ["GRAIN", "Zone", "class_of"]

GRAIN = 1 << 16
"""Blocks begin and end at multiples of this; the pages of no system are larger."""

_LONGEST_IDLE = 256  # returns of other blocks


def class_of(size: int) -> int:
    """The length of the block for so many bytes: four classes for each power of two, so a fifth is lost at most."""
    step = max(GRAIN, 1 << max(0, (size - 1).bit_length() - 3))
    return -(-size // step) * step


class Zone:
    """The blocks of one zone; any thread may take and give back.

    Args:
        start: The first address.
        end: The address behind the last one.
        limit: How many bytes may have memory, in use or not.
        idle_limit: How many bytes of blocks that are not in use keep their memory.
        discard: Gives the memory of (address, length) back to the system; None where that cannot be done.

    Attributes:
        allowance: How many bytes may be in use at a time; at first, all that may have memory.
        abandoned: Blocks to give back, from where no lock may be taken, such as a finalizer; and whether they have
            all of their memory.
        idle_bytes: How much memory is kept for later blocks.
        idle_limit: How much may be.
        taken_bytes: How much is in use.
    """

    __slots__ = (
        "_addresses",
        "_discard",
        "_filled",
        "_idle",
        "_limit",
        "_lock",
        "_returns",
        "_taken",
        "_warm",
        "abandoned",
        "allowance",
        "idle_bytes",
        "idle_limit",
        "taken_bytes",
    )

    def __init__(
        self, start: int, end: int, *, limit: int, idle_limit: int, discard: "Optional[Callable[[int, int], None]]"
    ) -> None:
        self._addresses = Addresses(start, end)
        self._limit = self.allowance = limit
        self.idle_limit = idle_limit
        self._discard = discard
        self._lock = allocate_lock()
        self._taken: "Dict[int, int]" = {}
        self._idle: "Dict[int, Tuple[int, int]]" = {}  # address -> (length, when it came); the oldest is first
        self._warm: "Dict[int, Deque[int]]" = {}  # length -> addresses, the oldest first
        self._filled: "Dict[int, int]" = {}  # address -> how many bytes from there have memory
        self._returns = 0
        self.abandoned: "Deque[Tuple[int, bool]]" = deque()
        self.idle_bytes = 0
        self.taken_bytes = 0

    def take(self, size: int) -> "Optional[Tuple[int, bool]]":
        """A block for so many bytes, as (address, whether all of them have memory); None when there is no room."""
        length = class_of(size)
        cooled: "List[Range]" = []
        with self._lock:
            while self.abandoned:
                offset, warm = self.abandoned.popleft()
                self._put_back(offset)
                if not warm and offset in self._idle:
                    cooled.append(self._drop(offset))
            taken = self._find(length, cooled)
            if taken is not None:
                filled = self._filled.get(taken[0], 0)
                if filled < size:  # other pages are made by who writes them, and may not be to be had
                    self._filled[taken[0]] = size
                    taken = taken[0], False
        self._cool(cooled)
        return taken

    def give_back(self, offset: int) -> None:
        """A block is not in use any more. One that is not in use already is ignored."""
        cooled: "List[Range]" = []
        with self._lock:
            self._put_back(offset)
            while self._idle:
                _, since = next(iter(self._idle.values()))
                if self.idle_bytes <= self.idle_limit and self._returns - since <= _LONGEST_IDLE:
                    break
                cooled.append(self._drop(next(iter(self._idle))))
        self._cool(cooled)

    def lacks(self, size: int) -> int:
        """How much more would have to be allowed for so many bytes; 0 when that would not help."""
        length = class_of(size)
        with self._lock:
            return max(0, self.taken_bytes + length - self.allowance) if length <= self._limit else 0

    def allow(self, more: int) -> None:
        """So many bytes more may be in use."""
        with self._lock:
            self.allowance += more

    def spare(self, share: int) -> int:
        """Allow no more than what is in use, and a share beyond it; how much less that is. Little is not looked at."""
        with self._lock:
            surplus = self.allowance - self.taken_bytes - share
            if surplus < share:
                return 0
            self.allowance -= surplus
            return surplus

    def cool(self, most: int = 0) -> None:
        """Keep no more than so many bytes for later blocks; the rest goes back to the system."""
        cooled: "List[Range]" = []
        with self._lock:
            while self._idle and self.idle_bytes > most:
                cooled.append(self._drop(next(iter(self._idle))))
        self._cool(cooled)

    def _find(self, length: int, cooled: "List[Range]") -> "Optional[Tuple[int, bool]]":
        if self.taken_bytes + length > self.allowance:
            return None
        warm = self._warm.get(length)
        if warm:
            offset = warm.pop()
            del self._idle[offset]
            self.idle_bytes -= length
        else:
            cold = self._find_cold(length, cooled)
            if cold is None:
                return None
            offset, warm = cold, None
        self._taken[offset] = length
        self.taken_bytes += length
        return offset, warm is not None

    def _find_cold(self, length: int, cooled: "List[Range]") -> "Optional[int]":
        while self._idle and self.taken_bytes + self.idle_bytes + length > self._limit:
            cooled.append(self._drop(next(iter(self._idle))))
        offset = self._addresses.take(length)
        while offset is None and self._idle and self._discard is None:  # no range is long enough: join some
            self._drop(next(iter(self._idle)))
            offset = self._addresses.take(length)
        return offset

    def _put_back(self, offset: int) -> None:
        length = self._taken.pop(offset, None)
        if length is None:
            return
        self._returns += 1
        self.taken_bytes -= length
        self.idle_bytes += length
        self._idle[offset] = length, self._returns
        self._warm.setdefault(length, deque()).append(offset)

    def _drop(self, offset: int) -> "Range":
        length, _ = self._idle.pop(offset)
        self._filled.pop(offset, None)
        self._warm[length].remove(offset)  # of what is dropped for its age, the first
        self.idle_bytes -= length
        if self._discard is None:
            self._addresses.give(offset, length)
        return offset, length

    def _cool(self, ranges: "List[Range]") -> None:
        if self._discard is None:
            return
        for offset, length in ranges:
            self._discard(offset, length)
            with self._lock:  # not earlier: who took it before would lose what he wrote
                self._addresses.give(offset, length)
