"""Large buffers cross through memory that a host and one worker share, and are handed back when they are done with.

The memory is one file without a name, large and empty at first, that the worker inherits: no crash leaves anything
behind. Its lower half is the zone of the host, its upper half that of the worker. Whoever sends copies a buffer into a
block of his own zone (`Exchange.stage`); what crosses is its place. Who receives it works *on* the block, by a `Lease`:
it ends when the last array on it does, and goes back with the next frame. Both map the file once.

Some pieces are common (`pieces`): they are sent on as a place, also to a third process, which is given the file that
they are in by a descriptor (`Exchange.adopt`). What was sent is kept until it is returned (`loans`).

A lease can end at any time, on any thread, while any lock is held: garbage is collected anywhere. So its end appends
to a queue and no more. When the other side dies, the file goes with the last who maps it.
"""

from _collections import deque  # type: ignore[import-not-found]  # `collections` itself is slower to import
from _thread import allocate_lock

from wetlands_worker.loans import COMMON_PLACE, OFFSET_BITS, PLACE, Loans
from wetlands_worker.pieces import Piece
from wetlands_worker.segments import Block, Reference, Segment
from wetlands_worker.tokens import is_file, open_file
from wetlands_worker.zones import Zone, class_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable, Deque, Dict, List, Optional, Tuple, Union

    from wetlands_worker.loans import Loan
    from wetlands_worker.room import Room

    Bytes = Union[bytes, bytearray, memoryview]
    Staged = Union[memoryview, Reference, Loan]
    Part = Union[Staged, Piece]

__all__ = ["THRESHOLD", "Exchange", "Lease", "Watcher", "join"]

THRESHOLD = 1 << 16
"""Buffers of fewer bytes travel in line: two copies through a socket cost less than keeping a book."""

_MOST_RETURNS = 4096  # in one frame
_PROMPT_BYTES = 8 << 20
_ADOPTION_SECONDS = 10.0  # for a descriptor that has been sent to arrive
_OFFSETS = (1 << OFFSET_BITS) - 1


class Lease(Piece):
    """A block of the other side with a buffer in it; ours until nobody refers to the lease any more."""

    __slots__ = ("_exchange", "_place")

    def __init__(self, exchange: "Exchange", segment: Segment, place: int, length: int, *, common: bool) -> None:
        super().__init__(segment, place & _OFFSETS, length, common=common)
        self._exchange = exchange
        self._place = place | COMMON_PLACE if common else place
        exchange.leases[id(self)] = self.offset, length, segment.number
        if exchange.watcher is not None:
            exchange.watcher.came(length)

    def __del__(self) -> None:
        exchange = self._exchange
        exchange.leases.pop(id(self), None)
        watcher = exchange.watcher
        if watcher is not None:
            watcher.ended.append(self.length)
        exchange._ended(self._place, self.length)  # noqa: SLF001 - its other half


class Watcher:
    """What an exchange tells of its leases.

    Attributes:
        ended: How long those were that ended; from finalizers, which may do no more than that.
    """

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended: "Deque[int]" = deque()

    def came(self, length: int) -> None:
        """The other side lends so much more."""
        raise NotImplementedError

    def settle(self) -> None:
        """Leases are given back, to this side or by it."""
        raise NotImplementedError


class Exchange:
    """One side of the memory that a host and one worker share.

    Args:
        segment: The memory.
        upper: Whether ours is the upper half.
        limit: How many bytes may be lent to the other side at a time; what does not fit travels in line.
        idle_limit: How many bytes of returned blocks are kept for the next ones.

    Attributes:
        returned: The leases that ended and were not sent back yet.
        foreign: Segments of other workers that we were given; None for one that could not be mapped.
        introduce: Gives the other side a segment that it may not know yet; whether it has it then. Only in the host.
        leases: What we hold now, as (offset, length, number of the segment), by the id of the lease.
        loans: The common pieces that we have lent.
        prompt: Called when so much has ended that it should not wait for the next frame; from finalizers, so it
            must not wait for anything.
        room: By which a worker asks whether it may lend more; None: it may lend all.
        watcher: Is told what of the memory is in use. Only in the host.
        zone: The blocks that we lend.
    """

    __slots__ = (
        "__weakref__",
        "_closed",
        "_gates",
        "_trims",
        "foreign",
        "introduce",
        "leases",
        "loans",
        "prompt",
        "returned",
        "room",
        "segment",
        "watcher",
        "zone",
    )

    def __init__(self, segment: Segment, *, upper: bool, limit: int, idle_limit: int) -> None:
        half = segment.size // 2
        start = half if upper else 0
        self.segment = segment
        discard = None if segment.fixed else segment.discard
        self.zone = Zone(start, start + half, limit=limit, idle_limit=idle_limit, discard=discard)
        self.returned: "Deque[int]" = deque()
        self.prompt: "Optional[Callable[[], None]]" = None
        self.foreign: "Dict[int, Optional[Segment]]" = {}
        self.introduce: "Optional[Callable[[Segment], bool]]" = None
        self.leases: "Dict[int, Tuple[int, int, int]]" = {}
        self.loans = Loans()
        self.room: "Optional[Room]" = None
        self.watcher: "Optional[Watcher]" = None
        self._closed = self._trims = False
        self._gates: "List[Any]" = []  # Any: locks of _thread

    def stage(self, buffers: "Sequence[Part]") -> "List[Staged]":
        """Copy large buffers into blocks, and lend pieces; those for which there is no room stay what they are."""
        return [self._staged(buffer) if isinstance(buffer, memoryview) else self._lent(buffer) for buffer in buffers]

    def _lent(self, part: "Part") -> "Staged":
        if not isinstance(part, Piece):
            return part  # staged before
        segment = part.segment
        if segment is self.segment and not self._closed:
            return self.loans.lend(part, 0)
        # Whatever a worker has is of its own segment, or came from the host, which knows it.
        if not self._closed and (self.introduce is None or self.introduce(segment)):
            return self.loans.lend(part, segment.number)
        return self._staged(part.view())

    def _staged(self, buffer: memoryview) -> "Staged":
        size = buffer.nbytes
        taken = self._taken(size) if size >= THRESHOLD and not self._closed else None
        if taken is None:
            return buffer
        reference = Reference(self.zone, taken[0], size)
        try:
            self.segment.write(taken[0], buffer.cast("B"), warm=taken[1])
        except OSError:  # no memory for it
            return buffer
        reference.written = True
        return reference

    def _taken(self, size: int) -> "Optional[Tuple[int, bool]]":
        taken = self.zone.take(size)
        room = self.room
        if taken is None and room is not None:
            lacking = self.zone.lacks(size)
            granted = room.ask(lacking) if lacking else 0
            if granted:
                self.zone.allow(granted)
                taken = self.zone.take(size)
                if taken is None:  # there are no addresses for it
                    room.give(self.zone.spare(room.share))
        return taken

    def allocate(self, size: int) -> "Optional[Block]":
        """A block of our zone by choice, with undefined bytes in it; None when there is no room.

        Raises:
            OSError: The system has no memory for it.
        """
        taken = self._taken(size)
        if taken is None:
            return None
        if not taken[1]:
            try:
                self.segment.reserve(taken[0], size)
            except BaseException:
                self.zone.abandoned.append((taken[0], False))
                raise
        return Block(self.segment, self.zone, taken[0], size)

    def lease(self, place: "Bytes", length: int, *, common: bool = False) -> "Optional[Piece]":
        """What the other side sent instead of a buffer; None when it is in a segment that cannot be mapped here.

        Raises:
            ValueError: There is no such place.
        """
        where = PLACE.unpack(place)[0]
        if common:
            ours = self.loans.find(where)
            if ours is not None:  # it sends back what it was lent
                self._ended(where | COMMON_PLACE, length)
                return ours
        segment = self._segment(where >> OFFSET_BITS) if common else self.segment
        if segment is None:
            self._ended(where | COMMON_PLACE, length)
            return None
        offset = where & _OFFSETS if common else where
        if offset + length > segment.size:
            problem = f"a buffer at {offset} with {length} bytes was announced"
            raise ValueError(problem)
        return Lease(self, segment, where, length, common=common)

    def adopt(self, number: int, size: int, where: "Union[int, str]") -> None:
        """The host gives us the memory of another worker."""
        try:
            self.foreign[number] = Segment(where, size, number)
        except (OSError, ValueError):  # there are no addresses for it
            self.foreign[number] = None
        for gate in self._gates:
            gate.release()
        self._gates = []

    def forget(self, number: int) -> None:
        """Nothing of that segment will come any more; it ends with the last array on it."""
        self.foreign.pop(number, None)

    def _segment(self, number: int) -> "Optional[Segment]":
        if not number:
            return self.segment
        if number not in self.foreign and self.introduce is None and not self._closed:
            # Its descriptor is on the other connection. The host has none coming, and waits for nobody.
            gate = allocate_lock()
            gate.acquire()
            self._gates.append(gate)
            if number not in self.foreign:
                gate.acquire(True, _ADOPTION_SECONDS)  # noqa: FBT003 - the lock of _thread takes it by position only
        return self.foreign.get(number)

    def returns(self) -> bytes:
        """The body of a frame that gives leases back; empty when none ended."""
        returned = self.returned
        places: "List[bytes]" = []
        while returned and len(places) < _MOST_RETURNS:
            places.append(PLACE.pack(returned.popleft()))
        if self.watcher is not None:
            self.watcher.settle()
        return b"".join(places)

    def refused(self, returns: bytes) -> None:
        """Those could not be sent."""
        self.returned.extend(place for (place,) in PLACE.iter_unpack(returns))

    def take_back(self, returns: "Bytes") -> None:
        """The other side gave leases back."""
        for (place,) in PLACE.iter_unpack(returns):
            if place & COMMON_PLACE:
                self.loans.returned(place ^ COMMON_PLACE)
            else:
                self.zone.give_back(place)
        if self.watcher is not None:
            self.watcher.settle()
        room = self.room
        if room is not None:
            room.give(self.zone.spare(room.share))

    def close(self, *, trim: bool = False) -> None:
        """The other side is gone, or will not be: the memory goes with the last array on it.

        Args:
            trim: It is gone for certain. What lies under no array of ours goes now; others may keep the file mapped.
        """
        self._closed = True
        self._trims = trim
        self.prompt = None
        self.introduce = None
        self.room = None
        self.watcher = None
        self.returned.clear()
        self.loans.clear()
        if trim:
            self._trim()

    def _trim(self) -> None:
        """Give back what is not under an array of ours."""
        number = self.segment.number
        start = 0
        for offset, length, of in sorted(list(self.leases.values())):  # noqa: C414 - a copy that no thread changes
            if of == number:
                self._discard(start, offset)
                start = max(start, offset + class_of(length))
        self._discard(start, self.segment.size)

    def _discard(self, start: int, end: int) -> None:
        if start < end:
            self.segment.discard(start, end - start)

    def _ended(self, place: int, length: int) -> None:
        if self._closed:
            if self._trims:
                self._trim()
            return
        self.returned.append(place)
        prompt = self.prompt
        if prompt is not None and (length >= _PROMPT_BYTES or len(self.returned) >= _MOST_RETURNS):
            prompt()


def join(token: str) -> "Optional[Exchange]":
    """The worker's side of the memory, or None where there is none or it cannot be mapped.

    Args:
        token: ``where:size:limit:idle limit:kind``, see `Exchange`; or ``-``. Where is a file, see
            `wetlands_worker.tokens`, or the name of a mapping. The kind is ``sparse``, or ``fixed`` as of `Segment`.
    """
    if token == "-":  # noqa: S105 - no password
        return None
    where, *amounts, kind = token.rsplit(":", 4)
    size, limit, idle_limit = map(int, amounts)
    try:
        segment = Segment(open_file(where) if is_file(where) else where, size, fixed=kind == "fixed")
    except (OSError, ValueError):
        return None
    return Exchange(segment, upper=True, limit=limit, idle_limit=idle_limit)
