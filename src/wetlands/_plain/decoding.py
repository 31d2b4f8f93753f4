"""Rebuilds a value that a worker sent, if it is made of plain things; nothing else is built, and nothing of it is run.

Plain are: None, booleans, numbers (complex ones, ``Decimal`` and ``Fraction`` included), text, bytes, bytearrays and
memoryviews; lists, tuples, dicts, sets, frozensets, ranges and slices of plain values; dates, times and their zones;
UUIDs and paths; arrays, scalars and dtypes of numpy that hold no objects, masked and structured ones included; and
``array.array``.
"""

from __future__ import annotations

from _pickle import Unpickler
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from wetlands._plain.arrays import small
from wetlands._plain.rebuild import NAMES, builder, hint
from wetlands._plain.scan import damaged, refused, scan
from wetlands_worker.arrivals import Dropped
from wetlands_worker.pieces import Piece
from wetlands_worker.small_arrays import SMALL
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from wetlands_worker.frames import Bytes

__all__ = ["Accept", "Decode", "check_plain", "decode_plain"]

Accept = Literal["any", "plain"]
"""Which values of workers are taken: any that pickle can load, or plain ones."""

Decode = Callable[["Bytes", Sequence[object]], object]
"""Rebuilds a value of its body and its buffers, as `wetlands_worker.values.decode` does."""

_OFTEN = 8  # times the memory that a worker has lent, for what lies on it; a piece may come more than once
_ALWAYS = 1 << 30


def decode_plain(body: Bytes, buffers: Sequence[object]) -> object:
    """See `wetlands_worker.values.decode`, for a value of somebody who is not trusted.

    Raises:
        DecodeError: It holds something that is not plain, or its bytes are damaged.
    """
    whole = check_plain(body, buffers)
    try:
        if whole[-1:] in SMALL:
            return small(_PlainUnpickler(whole[:-1], []).load(), whole[-1:])
        opened = [buffer.open(whole) if hasattr(buffer, "open") else buffer for buffer in buffers]
        return _PlainUnpickler(whole, opened).load()
    except (KeyboardInterrupt, DecodeError):
        raise
    except BaseException as error:  # whatever the bytes lead to; nobody who reads answers may end by it
        raise DecodeError(f"the bytes of the value are damaged ({type(error).__name__}: {str(error)[:500]})") from error


def check_plain(body: Bytes, buffers: Sequence[object]) -> bytes:
    """Look whether a value is made of plain things, and build nothing.

    Returns:
        The body.

    Raises:
        DecodeError: It holds something that is not plain, or its bytes are damaged.
    """
    kinds: tuple[type, ...] = type(body), type(buffers)
    if kinds[0] not in {bytes, bytearray, memoryview} or kinds[1] not in {list, tuple}:  # a number would be a length
        raise damaged("something else stands in its place")
    whole = bytes(body)
    for buffer in buffers:
        if isinstance(buffer, Dropped):
            buffer.open(whole)
        if not isinstance(buffer, (bytes, bytearray)) and not hasattr(buffer, "open"):
            raise damaged("something else stands in the place of a buffer")
    _check_amount([buffer for buffer in buffers if isinstance(buffer, Piece)])
    scan(whole[:-1] if whole[-1:] in SMALL else whole, len(buffers), NAMES, hint)
    return whole


def _check_amount(pieces: Sequence[Piece]) -> None:
    """Refuse a value that is many times the memory that it lies on: each array may have to be copied."""
    together = sum(piece.length for piece in pieces)
    if together <= _ALWAYS:
        return
    distinct, end = 0, (-1, 0)
    for number, start, length in sorted((id(piece.segment), piece.offset, piece.length) for piece in pieces):
        first = max(start, end[1]) if end[0] == number else start
        distinct += max(0, start + length - first)
        end = number, max(first, start + length)
    if together > _OFTEN * distinct:
        raise damaged(f"{together:,} bytes were announced on {distinct:,} bytes of memory")


class _PlainUnpickler(Unpickler):
    """An unpickler for what `scan` has let through."""

    def __init__(self, body: bytes, buffers: list[object]) -> None:
        super().__init__(BytesIO(body), buffers=buffers)
        self._length = len(body)

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in NAMES:  # `scan` has looked already
            raise refused(module, name, hint((module, name)))
        return builder((module, name), self._length)
