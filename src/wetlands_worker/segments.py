"""The memory that a host and a worker share: one file without a name, in which each of them writes into blocks.

A page that is written to for the first time costs several times the copy, and may not be to be had. So a block is
filled the first time by writing to the file, which says so by an error instead of a signal, and later by a copy.

Other systems than Linux have memory of a *fixed* length instead: it is no file that could be written to, and what has
been used of it once stays until the last user is gone. On Windows it is found by its name.
"""

import mmap
import os
import sys

from wetlands_worker.loans import PLACE, SHARED
from wetlands_worker.pieces import Piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Union

    from wetlands_worker.zones import Zone

__all__ = ["Block", "Reference", "Segment"]

_QUIET_COPY = 1 << 20  # a copy of fewer bytes is not worth letting other threads run meanwhile


class Segment:
    """Memory that two processes share, mapped as a whole; it ends with the last array on it.

    Args:
        where: The descriptor of a file without a name, which belongs to the segment from here on, also when it cannot
            be mapped; or the name of a mapping, on Windows.
        size: Its length, most of which is never touched.
        number: By which the host tells it from others; 0: it has not been given one.
        fixed: Whether its memory cannot be given back in parts.

    Attributes:
        descriptor: The file; -1 where there is none.
        name: The name; empty where there is a descriptor.

    Raises:
        OSError: There are no addresses for so much.
        ValueError: The file is shorter.
    """

    __slots__ = ("__weakref__", "descriptor", "fixed", "memory", "name", "number", "size")

    def __init__(self, where: "Union[int, str]", size: int, number: int = 0, *, fixed: bool = False) -> None:
        self.descriptor = -1
        self.name = ""
        self.size = size
        self.number = number
        self.fixed = fixed
        if isinstance(where, str):
            self.name = where
            self.memory = mmap.mmap(-1, size, tagname=where)  # type: ignore[call-arg]  # Windows has this one
        else:
            self.descriptor = where  # first: it is closed with this object, also when there are no addresses
            self.memory = mmap.mmap(where, size)

    def write(self, offset: int, buffer: memoryview, *, warm: bool) -> None:
        """Copy a buffer to an address.

        Raises:
            OSError: The system has no memory for it.
        """
        if not warm and not self.fixed:  # makes pages and fills them; tells of missing memory by an error, not a signal
            rest = buffer
            while rest:
                written = os.pwrite(self.descriptor, rest, offset + len(buffer) - len(rest))
                rest = rest[written:]
            return
        numpy = sys.modules.get("numpy") if len(buffer) >= _QUIET_COPY else None
        if hasattr(numpy, "copyto") and hasattr(numpy, "frombuffer"):
            to: "Any" = numpy  # Any: the module, where it is there and imported to its end
            to.copyto(to.frombuffer(self.memory, "u1", len(buffer), offset), to.frombuffer(buffer, "u1"))
        else:
            with memoryview(self.memory) as view:
                view[offset : offset + len(buffer)] = buffer

    def reserve(self, offset: int, length: int) -> None:
        """Make the memory behind some addresses, so that who writes there does not find that there is none.

        Raises:
            OSError: The system has none.
        """
        if not self.fixed:
            os.posix_fallocate(self.descriptor, offset, length)

    def discard(self, offset: int, length: int) -> None:
        """Give the memory behind some addresses back to the system, where it takes it."""
        if self.fixed:
            return
        try:
            self.memory.madvise(mmap.MADV_REMOVE, offset, length)
        except OSError:  # not to be had here: it ends with the file
            pass

    def __del__(self, close: "Callable[[int], None]" = os.close) -> None:
        if self.descriptor >= 0:  # nowhere else: the number could name another file while a thread still writes to it
            close(self.descriptor)


class Reference:
    """A buffer that was copied into a block of ours, until it is sent; the block comes back when it never is."""

    __slots__ = ("_zone", "announced", "offset", "sent", "written")

    def __init__(self, zone: "Zone", offset: int, length: int) -> None:
        self._zone = zone
        self.offset = offset
        self.announced = length | SHARED
        self.written = False
        self.sent = False

    def place(self) -> bytes:
        """What crosses instead of the buffer."""
        return PLACE.pack(self.offset)

    def __del__(self) -> None:
        if not self.sent:
            self._zone.abandoned.append((self.offset, self.written))


class Block(Piece):
    """A block of our own zone that somebody allocated by choice; it is free again when nobody refers to it."""

    __slots__ = ("_zone",)

    def __init__(self, segment: Segment, zone: "Zone", offset: int, length: int) -> None:
        super().__init__(segment, offset, length, common=True)
        self._zone = zone

    def __del__(self) -> None:
        self._zone.abandoned.append((self.offset, True))
