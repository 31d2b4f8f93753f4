"""Turns any value into bytes and back, between two Pythons that may differ in version and in what is installed.

The same file runs on both sides of the wire. A value becomes a pickle of protocol 5, the *body*, and *buffers*: the
large pieces of memory in it (arrays, bytes, anything that offers a ``PickleBuffer``), not copied but referred to. What
plain pickle would tie to one version of a library, or copy, is described by our own reducers (`array_values`,
`stdlib_values`, `torch_values`).

Rules:
    * By value: what arrives shares no memory with what was sent, unless that is common by choice (`pieces`). Two
      references to one object inside one value stay one object; two *views* of one memory become two arrays.
    * Functions and classes cross by name and must be importable on the other side.
    * A failure names the offending part (`EncodeError`) or what is missing (`DecodeError`). Nothing that a user's
      ``__reduce__`` or ``__setstate__`` raises gets out unwrapped, except ``KeyboardInterrupt``.
"""

import sys
from _pickle import (
    PickleBuffer,
    Pickler,
    Unpickler,
    dumps,
    loads,
)  # `pickle` itself would also import struct, re and enum
from io import BytesIO

from wetlands_worker.pieces import Handle, Piece, reduce_piece
from wetlands_worker.small_arrays import SMALL, decode_small, encode_small

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    Reduced = Any  # a tuple as __reduce_ex__ returns one, or NotImplemented
    Reducer = Callable[[Any], Reduced]

__all__ = ["DecodeError", "EncodeError", "are_scalars", "decode", "encode"]

_PROTOCOL = 5
_STACK_GLOBAL = b"\x93"
_SCALARS = frozenset((type(None), bool, int, float, str))
"""What no reducer is asked about, and what leaves no buffer: it needs no pickler of ours."""


class EncodeError(Exception):
    """A value cannot be sent.

    Attributes:
        path: Which part of it, as an expression: ``args[0]['callback'][2]``.
        reason: Why, and what to do instead.
        type_name: The type of that part.
    """

    def __init__(self, path: str, reason: str, type_name: str) -> None:
        super().__init__(path, reason, type_name)
        self.path = path
        self.reason = reason
        self.type_name = type_name

    def __str__(self) -> str:
        return f"{self.path} (of type {self.type_name}) cannot be sent: {self.reason}"


class DecodeError(Exception):
    """A value that arrived cannot be rebuilt here.

    Attributes:
        reason: What is missing or went wrong, and in which Python.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(
    value: object,
    *,
    inline_below: int = 4096,
    name: "str | tuple[str, ...]" = "value",
    pickler: "Callable[..., ValuePickler] | None" = None,
) -> "tuple[bytes, list[Any]]":  # Any: almost always memoryviews, and whoever does not share memory knows no others
    """Turn a value into a body and the buffers that travel beside it.

    Contiguous arrays (C or Fortran order) and large byte strings are not copied: a buffer is a view of the memory of
    the value, valid as long as it is kept, and shows what is written into that memory before it is sent.

    Args:
        value: Anything that can be pickled, and what `array_values` and `stdlib_values` add.
        inline_below: Memory of fewer bytes than this is copied into the body. Byte strings stay there below 64 KiB.
        name: What the value is called in the path of an `EncodeError`; for a tuple, possibly one name for each item.
        pickler: Makes the pickler, where another one than ours is to be used.

    Returns:
        The body, and flat, C-contiguous views of bytes; for what lies in common memory its piece (`pieces`).

    Raises:
        EncodeError: A part of the value cannot be sent; nothing was changed.
    """
    if type(value) in _SCALARS:
        return dumps(value, _PROTOCOL), []
    small = encode_small(value, inline_below)
    if small is not None:
        return small, []
    sink = _Sink()
    sink.inline_below = inline_below
    buffers: "list[Any]" = []
    sink.buffers = buffers
    try:
        # The pickler lives until the end: its memo keeps alive what the chunks refer to.
        made = (pickler or ValuePickler)(sink, _PROTOCOL, True, sink.take)  # noqa: FBT003 - keywords cost a third more
        made.dump(value)
        return b"".join(sink), buffers
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a user's __reduce__ may raise anything, SystemExit included
        from wetlands_worker.faulty_part import explain  # noqa: PLC0415 - only when something failed

        raise EncodeError(*explain(value, name, error, getattr(pickler, "spares", None))) from error


def are_scalars(values: "Iterable[object]") -> bool:
    """Whether values are numbers, strings and the like, so that any pickler does for them; a fraction of encoding."""
    return _SCALARS.issuperset(map(type, values))


def decode(body: "bytes | bytearray | memoryview", buffers: "Sequence[object]") -> object:
    """Rebuild a value from what `encode` returned.

    Arrays are built on the buffers without a copy and own them from then on, so give writable ones that nobody else
    uses (an array whose source was writable is copied out of a buffer that is not).

    Args:
        body: The body.
        buffers: As many bytes-like objects as there were buffers, in their order; or what has a method ``open`` that
            gives one, see `exchange.Lease`.

    Raises:
        DecodeError: Something the value needs is missing here, or its bytes are damaged.
    """
    try:
        body = bytes(body)  # so that it can be searched; free for bytes, and a fraction of what unpickling costs
        if body[-1:] in SMALL:
            return decode_small(body)
        if buffers:
            buffers = [buffer.open(body) if hasattr(buffer, "open") else buffer for buffer in buffers]
        if _STACK_GLOBAL not in body:
            return loads(body, buffers=buffers)  # it names no class and no function, so there is no name to translate
        return _ValueUnpickler(BytesIO(body), buffers=buffers).load()
    except (KeyboardInterrupt, DecodeError):
        raise
    except BaseException as error:  # a user's __setstate__ may raise anything, SystemExit included
        from wetlands_worker.foreign_names import explain  # noqa: PLC0415 - only when something failed

        raise DecodeError(explain(error)) from error


class ValuePickler(Pickler):
    """A pickler that asks our reducers first."""

    def reducer_override(self, value: object) -> "Reduced":
        """Describe a value of a kind that we know; called for all that is not a plain scalar or container."""
        kind = type(value)
        if kind in _others and len(_modules) == _modules_seen:
            return NotImplemented
        if len(_modules) != _modules_seen:
            _learn_kinds()
        if issubclass(kind, _kinds):
            for base in kind.__mro__:
                if base in _kinds:
                    return _reducers[base](value)
        if len(_others) >= _MAX_OTHERS:
            _others.clear()
        _others.add(kind)
        return NotImplemented


class _ValueUnpickler(Unpickler):
    """An unpickler that knows where names live in this Python and this numpy."""

    def find_class(self, module: str, name: str) -> object:
        if module.startswith("wetlands_worker."):
            place = module, name
            found = _ours.get(place)
            if found is None:
                found = _ours[place] = super().find_class(module, name)
            return found
        from wetlands_worker.foreign_names import find  # noqa: PLC0415 - plain values do not need it

        return find(module, name, super().find_class)


_ours: "dict[tuple[str, str], object]" = {}  # what our reducers name, found once

# What is known depends on what is loaded: we import no library for its values to cross, it is loaded where they exist.
_waiting = {
    "numpy": "array_values",
    "pathlib": "stdlib_values",
    "array": "stdlib_values",
    "uuid": "stdlib_values",
    "zoneinfo": "stdlib_values",
    "builtins": "stdlib_values",
    "torch": "torch_values",
}
_modules = sys.modules
_modules_seen = -1
_reducers: "dict[type, Reducer]" = {Piece: reduce_piece}
_kinds: "tuple[type, ...]" = (Piece,)
# Types met lately that are of no such kind, because asking costs more than pickling a small object. Few, and forgotten
# now and then: the classes of a reloaded module should be freed.
_others: "set[type]" = set()
_MAX_OTHERS = 100


def _learn_kinds() -> None:
    """Add the reducers of libraries that were loaded since the last look."""
    global _kinds, _modules_seen  # noqa: PLW0603 - one cache for the process; racing threads store the same
    count = len(_modules)
    for library, owner in tuple(_waiting.items()):
        if library in _modules:
            reducers = __import__("wetlands_worker." + owner, fromlist=("reducers",)).reducers(library)
            if not reducers:
                return  # another thread is still importing it: look again at the next value
            _reducers.update(reducers)
            _kinds = tuple(_reducers)
            _waiting.pop(library, None)
    _others.clear()
    _modules_seen = count


class _Sink(list):  # type: ignore[type-arg]  # list[bytes] cannot be subscripted at run time under 3.8
    """The file a pickler writes to: a list of chunks.

    CPython hands large byte strings to ``write`` as they are, right after a write that ends in their opcode and length
    (``_Pickler_write_bytes`` in ``Modules/_pickle.c``, the same since 3.7). So they need not be copied: the opcode is
    replaced by "bytes(next buffer)". Where a Python should write otherwise, the string simply stays in the body.
    """

    __slots__ = ("buffers", "inline_below")
    buffers: "list[Any]"
    inline_below: int

    def write(self, chunk: "bytes | bytearray | memoryview | PickleBuffer") -> None:
        if not isinstance(chunk, (bytes, bytearray)):
            self.append(bytes(chunk))  # a view of memory that belongs to the pickler, or to somebody's PickleBuffer
            return
        if len(chunk) >= _LARGE and len(chunk) >= self.inline_below and self:
            opcode = _opcode(type(chunk), len(chunk))
            if _ends_outside_frames(self[-1], opcode):
                self[-1] = self[-1][: -len(opcode)] + _TAKE_BUFFER[type(chunk)]
                self.buffers.append(memoryview(chunk))
                return
        self.append(chunk)

    def take(self, buffer: PickleBuffer) -> bool:
        """Tell a pickler whether a buffer stays in the body."""
        raw = buffer.raw()
        if type(raw.obj) is Handle:
            self.buffers.append(raw.obj.piece)
            return False
        if raw.nbytes < self.inline_below:
            return True
        self.buffers.append(raw)
        return False


_LARGE = 1 << 16  # FRAME_SIZE_TARGET of _pickle.c
_PROTO, _FRAME, _FRAME_HEADER = 0x80, 0x95, 9
_SMALLEST_FRAME = 4  # FRAME_SIZE_MIN: shorter pieces get no frame


def _take_buffer(kind: type) -> bytes:
    """Pickle code that leaves ``kind(next buffer)`` on the stack."""
    words = b"".join(b"\x8c" + bytes((len(word),)) + word for word in (b"builtins", kind.__name__.encode()))
    return words + b"\x93\x97\x85R"  # STACK_GLOBAL NEXT_BUFFER TUPLE1 REDUCE


_TAKE_BUFFER: "dict[type, bytes]" = {bytes: _take_buffer(bytes), bytearray: _take_buffer(bytearray)}


def _opcode(kind: type, length: int) -> bytes:
    """The opcode and length that pickle writes before the content of a large byte string."""
    if kind is bytearray:
        return b"\x96" + length.to_bytes(8, "little")
    if length < 1 << 32:
        return b"B" + length.to_bytes(4, "little")
    return b"\x8e" + length.to_bytes(8, "little")


def _ends_outside_frames(chunk: bytes, opcode: bytes) -> bool:
    """Whether a chunk ends in that opcode and it is one: pickle writes those of large strings outside of frames."""
    if not chunk.endswith(opcode):
        return False
    start = 2 if chunk[0] == _PROTO else 0  # it stands before the first frame
    if chunk[start] == _FRAME:
        frame_end = start + _FRAME_HEADER + int.from_bytes(chunk[start + 1 : start + _FRAME_HEADER], "little")
        return frame_end == len(chunk) - len(opcode)
    return len(chunk) - len(opcode) - start < _SMALLEST_FRAME
