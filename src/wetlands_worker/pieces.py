"""A piece of shared memory: some bytes of a segment, ours for as long as anybody refers to its object.

Most are by value: an array on such a piece is copied when it is sent on, and nobody else ever sees what is written
into it. A piece that is *common* is passed on as it is: whoever is sent an array on it, or a view of one, sees the same
bytes. That is what a kept result becomes (`wetlands.Ref`), and what is allocated by choice.

Pickle knows buffers, and no pieces. So a common piece crosses pickle as a buffer of one byte, a `Handle`, by which
`values.encode` finds the piece again; only there, so no other pickler takes the handle for the memory.
"""

import sys
from _pickle import PickleBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, NoReturn, Sequence, Tuple

    from wetlands_worker.segments import Segment

__all__ = ["Handle", "Piece", "flat_under", "handle_of", "nested", "reduce_piece", "same"]

_DEEPEST = 32  # views of views of memoryviews


class Piece:
    """Some bytes of a segment.

    Attributes:
        common: Whether it is passed on as it is.
        length: How many bytes.
        offset: Where they begin in the segment.
        segment: What they are of; mapped for as long as there is a piece of it.
    """

    __slots__ = ("__weakref__", "common", "length", "offset", "segment")

    def __init__(self, segment: "Segment", offset: int, length: int, *, common: bool) -> None:
        self.segment = segment
        self.offset = offset
        self.length = length
        self.common = common

    def view(self) -> memoryview:
        """The bytes; they do not keep the piece."""
        return memoryview(self.segment.memory)[self.offset : self.offset + self.length]

    def open(self, body: bytes = b"array_values") -> object:
        """The bytes, writable: on the memory where numpy is there to keep the piece alive, else a copy.

        Args:
            body: The value that they belong to; when that has arrays or tensors in it, numpy is imported.
        """
        numpy = _numpy(body)
        if numpy is None:
            with self.view() as view:
                return bytearray(view)
        # Right on the memory: numpy leaves out what lies between an array and a base of the same type.
        flat = _kept(numpy)((self.length,), "u1", self.segment.memory, self.offset)
        flat.lease = self
        return flat

    def __reduce_ex__(self, protocol: object) -> "NoReturn":
        message = "shared memory crosses as an argument or result of a call only; pickle a copy of what is in it"
        raise TypeError(message)


class Handle(bytearray):
    """What stands for a piece while pickle passes it to `values.encode`."""

    __slots__ = ("piece",)
    piece: Piece


def handle_of(piece: Piece) -> PickleBuffer:
    """The buffer for a pickler of ours."""
    handle = Handle(1)
    handle.piece = piece
    return PickleBuffer(handle)


def reduce_piece(piece: Piece) -> "Tuple[Any, ...]":
    """Describe a piece for a pickler of ours; it arrives as what `Piece.open` gives."""
    return same, (handle_of(piece),)


def nested(parts: "Sequence[Any]") -> "List[Any]":
    """What `values.encode` returned as buffers, for a pickler of ours that encodes a value within another."""
    return [part if isinstance(part, Piece) else PickleBuffer(part) for part in parts]


def same(buffer: object) -> object:
    """The buffer."""
    return buffer


def flat_under(base: object) -> "Any":  # Any: an array, where there is a numpy
    """The flat array of a common piece under an array, by what that is based on; None where there is none."""
    for _ in range(_DEEPEST):
        piece = getattr(base, "lease", None)
        if isinstance(piece, Piece):
            return base if piece.common else None
        base = getattr(base, "obj" if isinstance(base, memoryview) else "base", None)
        if base is None:
            break
    return None


def _numpy(body: bytes) -> "Any":
    numpy = sys.modules.get("numpy")
    if numpy is None and (b"array_values" in body or b"torch_values" in body):
        try:
            import numpy  # noqa: ICN001, PLC0415 - part of the environment or not
        except ModuleNotFoundError:
            return None
    return numpy if hasattr(numpy, "frombuffer") else None


_kinds: "Dict[object, Any]" = {}


def _kept(numpy: "Any") -> "Any":
    """The type of the flat array under all arrays on a piece: the only one that can refer to it."""
    kind = _kinds.get(numpy)
    if kind is None:
        kind = _kinds[numpy] = type("LeasedMemory", (numpy.ndarray,), {"__module__": __name__, "lease": None})
    return kind
