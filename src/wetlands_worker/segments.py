"""Large buffers cross through memory that a host and one worker share, and are handed back when they are done with.

The memory is one file without a name, large and empty at first, that the worker inherits: no crash leaves anything
behind. Its lower half is the zone of the host, its upper half that of the worker. Whoever sends copies a buffer into a
block of his own zone (`Exchange.stage`); what crosses is its place. Who receives it works *on* the block, by a `Lease`:
it ends when the last array on it does, and goes back with the next frame. Both map the file once.

A lease can end at any time, on any thread, while any lock is held: garbage is collected anywhere. So its end appends
to a queue and no more. When the other side dies, the file goes with the last who maps it.
"""

import mmap
import os
import sys
from _collections import deque  # type: ignore[import-not-found]  # `collections` itself is slower to import
from _struct import Struct

from wetlands_worker.zones import Zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable, Deque, Dict, List, Optional, Union

    Bytes = Union[bytes, bytearray, memoryview]
    Part = Union[memoryview, "Reference"]

__all__ = ["THRESHOLD", "Exchange", "Lease", "Reference", "Segment", "join"]

THRESHOLD = 1 << 16
"""Buffers of fewer bytes travel in line: two copies through a socket cost less than keeping a book."""

_PLACE = Struct("<Q")
_MOST_RETURNS = 4096  # in one frame
_PROMPT_BYTES = 8 << 20
_QUIET_COPY = 1 << 20  # a copy of fewer bytes is not worth letting other threads run meanwhile


class Segment:
    """A file without a name that two processes share, mapped as a whole; it ends with the last array on it.

    Args:
        descriptor: The file; it belongs to the segment from here on, also when it cannot be mapped.
        size: Its length, most of which is never touched.

    Raises:
        OSError: There are no addresses for so much.
        ValueError: The file is shorter.
    """

    __slots__ = ("_descriptor", "memory", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor  # first: it is closed with this object, also when there are no addresses
        self.memory = mmap.mmap(descriptor, size)

    def write(self, offset: int, buffer: memoryview, *, warm: bool) -> None:
        """Copy a buffer to an address.

        Raises:
            OSError: The system has no memory for it.
        """
        if not warm:  # fills a page as it makes it, and tells of missing memory by an error instead of a signal
            rest = buffer
            while rest:
                written = os.pwrite(self._descriptor, rest, offset + len(buffer) - len(rest))
                rest = rest[written:]
            return
        numpy = sys.modules.get("numpy") if len(buffer) >= _QUIET_COPY else None
        if hasattr(numpy, "copyto") and hasattr(numpy, "frombuffer"):
            to: "Any" = numpy  # Any: the module, where it is there and imported to its end
            to.copyto(to.frombuffer(self.memory, "u1", len(buffer), offset), to.frombuffer(buffer, "u1"))
        else:
            with memoryview(self.memory) as view:
                view[offset : offset + len(buffer)] = buffer

    def discard(self, offset: int, length: int) -> None:
        """Give the memory behind some addresses back to the system."""
        try:
            self.memory.madvise(mmap.MADV_REMOVE, offset, length)
        except OSError:  # not to be had here: it ends with the file
            pass

    def __del__(self, close: "Callable[[int], None]" = os.close) -> None:
        # Nowhere else: the number could name another file by the time a thread that is writing uses it.
        close(self._descriptor)


class Reference:
    """A buffer that was copied into a block of ours, until it is sent; the block comes back when it never is."""

    __slots__ = ("_zone", "length", "offset", "sent", "written")

    def __init__(self, zone: Zone, offset: int, length: int) -> None:
        self._zone = zone
        self.offset = offset
        self.length = length
        self.written = False
        self.sent = False

    def place(self) -> bytes:
        """What crosses instead of the buffer."""
        return _PLACE.pack(self.offset)

    def __del__(self) -> None:
        if not self.sent:
            self._zone.abandoned.append((self.offset, self.written))


class Lease:
    """A block of the other side with a buffer in it; ours until nobody refers to the lease any more."""

    __slots__ = ("_exchange", "length", "offset")

    def __init__(self, exchange: "Exchange", offset: int, length: int) -> None:
        self._exchange = exchange
        self.offset = offset
        self.length = length

    def open(self, body: bytes) -> object:
        """The buffer, writable: on the block where numpy is there to keep the lease alive, else a copy.

        Args:
            body: The value that it belongs to; when that has arrays in it, numpy is imported.
        """
        memory = self._exchange.segment.memory
        numpy = _numpy(body)
        if numpy is None:
            with memoryview(memory) as view:
                return bytearray(view[self.offset : self.offset + self.length])
        # Right on the memory: numpy leaves out what lies between an array and a base of the same type.
        flat = _kept(numpy)((self.length,), "u1", memory, self.offset)
        flat.lease = self
        return flat

    def __del__(self) -> None:
        self._exchange._ended(self.offset, self.length)  # noqa: SLF001 - its other half


class Exchange:
    """One side of the memory that a host and one worker share.

    Args:
        segment: The memory.
        upper: Whether ours is the upper half.
        limit: How many bytes may be lent to the other side at a time; what does not fit travels in line.
        idle_limit: How many bytes of returned blocks are kept for the next ones.

    Attributes:
        returned: The leases that ended and were not sent back yet.
        prompt: Called when so much has ended that it should not wait for the next frame; from finalizers, so it
            must not wait for anything.
        zone: The blocks that we lend.
    """

    __slots__ = ("_closed", "prompt", "returned", "segment", "zone")

    def __init__(self, segment: Segment, *, upper: bool, limit: int, idle_limit: int) -> None:
        half = segment.size // 2
        start = half if upper else 0
        self.segment = segment
        self.zone = Zone(start, start + half, limit=limit, idle_limit=idle_limit, discard=segment.discard)
        self.returned: "Deque[int]" = deque()
        self.prompt: "Optional[Callable[[], None]]" = None
        self._closed = False

    def stage(self, buffers: "Sequence[Part]") -> "List[Part]":
        """Copy large buffers into blocks; those for which there is no room stay what they are."""
        return [self._staged(buffer) if isinstance(buffer, memoryview) else buffer for buffer in buffers]

    def _staged(self, buffer: memoryview) -> "Part":
        size = buffer.nbytes
        taken = self.zone.take(size) if size >= THRESHOLD and not self._closed else None
        if taken is None:
            return buffer
        reference = Reference(self.zone, taken[0], size)
        try:
            self.segment.write(taken[0], buffer.cast("B"), warm=taken[1])
        except OSError:  # no memory for it
            return buffer
        reference.written = True
        return reference

    def lease(self, place: "Bytes", length: int) -> Lease:
        """What the other side sent instead of a buffer.

        Raises:
            ValueError: There is no such place.
        """
        offset = _PLACE.unpack(place)[0]
        if offset + length > self.segment.size:
            problem = f"a buffer at {offset} with {length} bytes was announced"
            raise ValueError(problem)
        return Lease(self, offset, length)

    def returns(self) -> bytes:
        """The body of a frame that gives leases back; empty when none ended."""
        returned = self.returned
        places: "List[bytes]" = []
        while returned and len(places) < _MOST_RETURNS:
            places.append(_PLACE.pack(returned.popleft()))
        return b"".join(places)

    def refused(self, returns: bytes) -> None:
        """Those could not be sent."""
        self.returned.extend(place for (place,) in _PLACE.iter_unpack(returns))

    def take_back(self, returns: "Bytes") -> None:
        """The other side gave leases back."""
        for (place,) in _PLACE.iter_unpack(returns):
            self.zone.give_back(place)

    def close(self) -> None:
        """The other side is gone: the memory goes with the last array on it."""
        self._closed = True
        self.prompt = None
        self.returned.clear()

    def _ended(self, offset: int, length: int) -> None:
        if self._closed:
            return
        self.returned.append(offset)
        prompt = self.prompt
        if prompt is not None and (length >= _PROMPT_BYTES or len(self.returned) >= _MOST_RETURNS):
            prompt()


def join(token: str) -> "Optional[Exchange]":
    """The worker's side of the memory, or None where there is none or it cannot be mapped.

    Args:
        token: ``descriptor:size:limit:idle limit``, see `Exchange`; or ``-``.
    """
    if token == "-":  # noqa: S105 - no password
        return None
    descriptor, size, limit, idle_limit = map(int, token.split(":"))
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional in the standard library
    try:
        segment = Segment(descriptor, size)
    except (OSError, ValueError):
        return None
    return Exchange(segment, upper=True, limit=limit, idle_limit=idle_limit)


def _numpy(body: bytes) -> "Any":
    numpy = sys.modules.get("numpy")
    if numpy is None and b"array_values" in body:
        try:
            import numpy  # noqa: ICN001, PLC0415 - part of the environment or not
        except ModuleNotFoundError:
            return None
    return numpy if hasattr(numpy, "frombuffer") else None


_kinds: "Dict[object, Any]" = {}


def _kept(numpy: "Any") -> "Any":
    """The type of the flat array under all arrays on a block: the only one that can refer to a lease."""
    kind = _kinds.get(numpy)
    if kind is None:
        kind = _kinds[numpy] = type("LeasedMemory", (numpy.ndarray,), {"__module__": __name__, "lease": None})
    return kind
