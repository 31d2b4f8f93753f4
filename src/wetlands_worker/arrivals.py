"""A frame that does not fit into one read, or has buffers, while it arrives.

Memory is taken as it fills: whoever announces a terabyte and sends nothing costs nothing.
"""

from wetlands_worker.loans import COMMON, SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple, Union

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.pieces import Piece

    Bytes = Union[bytes, bytearray, memoryview]
    Received = Sequence[Union[bytearray, Piece, "Dropped"]]
    Frame = Tuple[int, int, Union[bytes, bytearray], Received]
    Segment = Union[bytearray, "Dropped"]

MAX_LENGTH = 1 << 44
"""A length above this is not data but a broken stream."""

MANY_BUFFERS = 0xFFFF
"""So many buffers or more: their table begins with their number."""

PLACE_SIZE = 8
_CHUNK = 1 << 16
_FIRST = 1 << 26  # bytes of a longer buffer that are made before they come; then as many again, each time

NO_LIMITS = (MAX_LENGTH, MAX_LENGTH, 1 << 24)
"""Bytes of a body, bytes of all buffers that come in line, and buffers, of one frame."""


class BrokenFrameError(Exception):
    """What arrived is not a frame."""


class LargeFrame:
    """A frame that does not fit the small buffer, or has buffers, while it arrives."""

    __slots__ = (
        "_body",
        "_buffers",
        "_counted",
        "_exchange",
        "_inline",
        "_kind",
        "_limits",
        "_missing",
        "_number",
        "_segment",
        "_segments",
        "_table",
        "filled",
    )

    def __init__(
        self,
        kind: int,
        number: int,
        size: int,
        count: int,
        exchange: "Optional[Exchange]",
        limits: "Tuple[int, int, int]" = NO_LIMITS,
    ) -> None:
        if size > MAX_LENGTH:
            message = f"a frame of {size} bytes was announced"
            raise BrokenFrameError(message)
        if MANY_BUFFERS > count > limits[2]:
            raise BrokenFrameError(_too_many(count))
        self._kind = kind
        self._number = number
        self._exchange = exchange
        self._limits = limits
        self._inline = 0  # bytes of buffers that come in line
        self._missing: "Dict[int, int]" = {}  # by the place of a segment: how many bytes of it are not made yet
        self._body: "Segment" = self._made(1, size, limits[0])
        self._buffers: "List[Segment]" = []
        self._counted = count < MANY_BUFFERS
        self._table = bytearray(8 * count if self._counted else 8)
        self._segments: "List[Segment]" = [self._table, self._body]
        self._segment = 0
        self.filled = 0

    def room(self) -> "Optional[memoryview]":
        """Where the next bytes belong, or None when all are here."""
        while self._segment < len(self._segments):
            segment = self._segments[self._segment]
            if self.filled == len(segment) and self._segment in self._missing:
                self._grow(segment)
            if self.filled < len(segment):
                return segment.room(self.filled) if isinstance(segment, Dropped) else memoryview(segment)[self.filled :]
            self.filled = 0
            if not self._counted:
                self._make_table()
                continue
            if self._segment == 0:
                self._make_buffers()
            self._segment += 1
        return None

    def frame(self) -> "Frame":
        """The whole frame; what lies in shared memory as leases."""
        buffers: "Received" = self._buffers
        if self._exchange is not None:
            lengths = self._lengths()
            buffers = [
                self._leased(buffer, length) if length >= SHARED and not isinstance(buffer, Dropped) else buffer
                for buffer, length in zip(self._buffers, lengths)
            ]
        if isinstance(self._body, Dropped):
            return self._kind, self._number, b"", [self._body]
        return self._kind, self._number, self._body, buffers

    def _made(self, place: int, length: int, most: int) -> "Segment":
        """The memory for a part of so many bytes, or the beginning of it."""
        if length > most:
            return Dropped(length, most)
        try:
            made = bytearray(min(length, _FIRST))
        except MemoryError:  # one call fails for it; the connection serves the next
            return Dropped(length)
        if length > _FIRST:
            self._missing[place] = length - _FIRST
        return made

    def _grow(self, segment: "Segment") -> None:
        """Make more of a part, as all that was made of it has come."""
        missing = self._missing.pop(self._segment)
        more = min(missing, len(segment))
        if missing > more:
            self._missing[self._segment] = missing - more
        if not isinstance(segment, Dropped):
            try:
                segment.extend(bytes(more))
            except MemoryError:
                self._give_up(len(segment), more + self._missing.pop(self._segment, 0))

    def _give_up(self, came: int, missing: int) -> None:
        """There is no memory for the rest of a part."""
        dropped = Dropped(came + missing)
        if self._segment == 1:
            self._body = dropped
        else:
            self._buffers[self._segment - 2] = dropped
        self._segments[self._segment] = dropped

    def _lengths(self) -> "List[int]":
        return [int.from_bytes(self._table[first : first + 8], "little") for first in range(0, len(self._table), 8)]

    def _make_table(self) -> None:
        count = int.from_bytes(self._table, "little")
        if count > self._limits[2]:
            raise BrokenFrameError(_too_many(count))
        self._counted = True
        self._table = self._segments[0] = bytearray(8 * count)

    def _make_buffers(self) -> None:
        for place, length in enumerate(self._lengths(), 2):
            if length >= SHARED and self._exchange is not None:
                self._buffers.append(bytearray(PLACE_SIZE))
                continue
            if length > MAX_LENGTH:
                message = f"a buffer of {length} bytes was announced"
                raise BrokenFrameError(message)
            made = self._made(place, length, self._limits[1] - self._inline)
            if not isinstance(made, Dropped):
                self._inline += length
            self._buffers.append(made)
        self._segments.extend(self._buffers)

    def _leased(self, place: "Bytes", length: int) -> "Union[Piece, Dropped]":
        if self._exchange is not None:
            size = length & (COMMON - 1)
            try:
                piece = self._exchange.lease(place, size, common=bool(length & COMMON))
            except ValueError as error:
                raise BrokenFrameError(str(error)) from None
            return Dropped(size) if piece is None else piece
        message = "a buffer in shared memory was announced, and there is none"
        raise BrokenFrameError(message)


def _too_many(count: int) -> str:
    return f"a frame of {count} buffers was announced"


class Dropped:
    """A part of a frame for which there was no memory, or which is too long: its bytes are read and forgotten.

    Args:
        length: How many bytes.
        most: How many would have been taken, if that is the reason.
    """

    __slots__ = ("_length", "_most", "_scratch")

    def __init__(self, length: int, most: "Optional[int]" = None) -> None:
        self._length = length
        self._most = most
        self._scratch = memoryview(bytearray(_CHUNK))

    def __len__(self) -> int:
        return self._length

    def room(self, filled: int) -> memoryview:
        """Where the next bytes go to be overwritten."""
        return self._scratch[: self._length - filled]

    def open(self, _body: bytes) -> object:
        """Decoding the value fails.

        Raises:
            wetlands_worker.values.DecodeError: Always.
        """
        from wetlands_worker.values import DecodeError  # noqa: PLC0415 - only when something failed

        problem = f"there is no memory for {self._length:,} bytes of it"
        if self._most is not None:
            problem = f"{self._length:,} bytes of it came at once, and {self._most:,} are taken (accept='plain')"
        raise DecodeError(problem)
