"""A frame that does not fit into one read, or has buffers, while it arrives."""

from wetlands_worker.loans import COMMON, SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Tuple, Union

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.pieces import Piece

    Bytes = Union[bytes, bytearray, memoryview]
    Received = Sequence[Union[bytearray, Piece, "Dropped"]]
    Frame = Tuple[int, int, Union[bytes, bytearray], Received]

MAX_LENGTH = 1 << 44
"""A length above this is not data but a broken stream."""

MANY_BUFFERS = 0xFFFF
"""So many buffers or more: their table begins with their number."""

PLACE_SIZE = 8
_MAX_BUFFERS = 1 << 24
_CHUNK = 1 << 16


class BrokenFrameError(Exception):
    """What arrived is not a frame."""


class LargeFrame:
    """A frame that does not fit the small buffer, or has buffers, while it arrives."""

    __slots__ = (
        "_body",
        "_buffers",
        "_counted",
        "_exchange",
        "_kind",
        "_number",
        "_segment",
        "_segments",
        "_table",
        "filled",
    )

    def __init__(self, kind: int, number: int, size: int, count: int, exchange: "Optional[Exchange]") -> None:
        if size > MAX_LENGTH:
            message = f"a frame of {size} bytes was announced"
            raise BrokenFrameError(message)
        self._kind = kind
        self._number = number
        self._exchange = exchange
        self._body = bytearray(size)
        self._buffers: "List[Union[bytearray, Dropped]]" = []
        self._counted = count < MANY_BUFFERS
        self._table = bytearray(8 * count if self._counted else 8)
        self._segments: "List[Union[bytearray, Dropped]]" = [self._table, self._body]
        self._segment = 0
        self.filled = 0

    def room(self) -> "Optional[memoryview]":
        """Where the next bytes belong, or None when all are here."""
        while self._segment < len(self._segments):
            segment = self._segments[self._segment]
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
        return self._kind, self._number, self._body, buffers

    def _lengths(self) -> "List[int]":
        return [int.from_bytes(self._table[first : first + 8], "little") for first in range(0, len(self._table), 8)]

    def _make_table(self) -> None:
        count = int.from_bytes(self._table, "little")
        if count > _MAX_BUFFERS:
            message = f"a frame of {count} buffers was announced"
            raise BrokenFrameError(message)
        self._counted = True
        self._table = self._segments[0] = bytearray(8 * count)

    def _make_buffers(self) -> None:
        for length in self._lengths():
            if length >= SHARED and self._exchange is not None:
                self._buffers.append(bytearray(PLACE_SIZE))
                continue
            if length > MAX_LENGTH:
                message = f"a buffer of {length} bytes was announced"
                raise BrokenFrameError(message)
            try:
                self._buffers.append(bytearray(length))
            except MemoryError:  # one call fails for it; the connection serves the next
                self._buffers.append(Dropped(length))
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


class Dropped:
    """A buffer for which there was no memory: its bytes are read and forgotten."""

    __slots__ = ("_length", "_scratch")

    def __init__(self, length: int) -> None:
        self._length = length
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
        raise DecodeError(problem)
