"""How values of numpy cross: as dtype description, shape, order and memory, never as numpy's own pickle.

numpy 1 and 2 cannot load each other's pickles, and a Python without numpy can load neither. Here:

* A contiguous array (C or Fortran order) is not copied; any other is copied once, into C order. Flags ``writeable`` are
  kept; what arrives is aligned and owns its memory.
* A view of common memory (`pieces`) crosses as what it is, strides included, and shows what any side writes.
* Elements that are objects go through the pickler, one by one; variable-width strings (numpy 2) as ``str``.
* Masked arrays keep mask, fill value and hardness; ``matrix``, ``recarray`` and subclasses of users arrive as views
  of their class with their ``__dict__``. A subclass with a pickling method of its own (``__reduce__``
  and the like) is sent by that method, its bytes in the body. ``memmap`` arrives as a plain array.
* Where numpy is not installed see `raw_array`. Dtypes of other libraries need that library on both sides.
"""

import sys
from _pickle import PickleBuffer

from wetlands_worker.dtypes import describe, itemsize, make
from wetlands_worker.pieces import flat_under, handle_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, Union

    from wetlands_worker.dtypes import Description

    # numpy cannot be named in annotations that also hold where it is not installed.
    Array = Any
    Memory = Union[bytes, bytearray, memoryview]
    Flag = bool  # named, because pickle passes it by position
    Reduced = Any  # a tuple as __reduce_ex__ returns one, or NotImplemented

__all__ = [
    "fill",
    "make_array",
    "make_dtype",
    "make_empty",
    "make_item",
    "make_masked",
    "make_scalar",
    "make_shared",
    "make_view",
    "reducers",
]

_PICKLING_METHODS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
_MASKED_ATTRIBUTES = frozenset(
    ("_baseclass", "_basedict", "_data", "_fill_value", "_hardmask", "_isfield", "_mask", "_sharedmask")
)


def reducers(library: str) -> "dict[type, Callable[..., Reduced]]":
    """The reducers for the types of numpy; none while it is still being imported."""
    numpy = sys.modules[library]
    if not all(hasattr(numpy, name) for name in ("ndarray", "generic", "dtype", "memmap", "__version__")):
        return {}
    return {numpy.ndarray: _reduce_array, numpy.generic: _reduce_scalar, numpy.dtype: _reduce_dtype}


# --- here to there ----------------------------------------------------------------------------------------------------


def _reduce_array(array: "Array") -> "Reduced":
    numpy = sys.modules["numpy"]
    if type(array) is numpy.ndarray:
        shared = sys.modules.get("wetlands_worker.shared")  # where nobody imported it, nothing is
        by_reference = None if shared is None or array.base is None else shared.reduce(array)
        return by_reference or _reduce_plain(array)
    if isinstance(array, numpy.memmap):
        return _reduce_plain(array.view(numpy.ndarray))
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if masked is not None and isinstance(array, masked):
        return _reduce_masked(array, masked)
    if _pickles_itself(type(array), numpy.ndarray):
        return NotImplemented
    attributes = getattr(array, "__dict__", None)
    reduced = make_view, (_class_name(type(array)), array.view(numpy.ndarray))
    return (*reduced, attributes, None, None, set_attributes) if attributes else reduced


def _reduce_plain(array: "Array") -> "Reduced":
    dtype = array.dtype
    description = describe(dtype)
    if description is None:
        return NotImplemented
    flags = array.flags
    writeable = flags.writeable
    order = "F" if flags.fnc else "C"
    if dtype.hasobject or dtype.kind == "T":
        state = (_elements(array), writeable)
        return make_empty, (description, array.shape, order), state, None, None, fill
    flat = None if array.base is None or not array.nbytes else flat_under(array.base)
    if flat is not None:
        offset = _address(array) - _address(flat)
        return make_shared, (description, array.shape, array.strides, offset, writeable, handle_of(flat.lease))
    if not flags.forc:
        array = array.copy("C")
    return make_array, (description, array.shape, order, writeable, _memory(array, order))


def _address(array: "Array") -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


def _elements(array: "Array") -> "list[object]":
    """The fields of a structured array, or the items of another in C order (whatever its own is)."""
    names = array.dtype.names
    if names is not None:
        return [array[name] for name in names]
    return array.flatten().tolist()  # type: ignore[no-any-return]


def _memory(array: "Array", order: str) -> PickleBuffer:
    """The memory of a contiguous array."""
    try:
        return PickleBuffer(array)
    except (ValueError, BufferError, NotImplementedError):  # datetimes and dtypes of other libraries export no buffer
        pass
    if not array.nbytes:
        return PickleBuffer(bytearray())
    return PickleBuffer(array.reshape(-1, order=order).view("u1"))


def _reduce_masked(array: "Array", masked: type) -> "Reduced":
    if _pickles_itself(type(array), masked):
        return NotImplemented
    name = None if type(array) is masked else _class_name(type(array))
    mask = None if array._mask is sys.modules["numpy.ma"].nomask else array._mask  # noqa: SLF001 - .mask makes a view
    attributes = {key: item for key, item in vars(array).items() if key not in _MASKED_ATTRIBUTES}
    if attributes == {"_optinfo": {}}:
        attributes = {}
    arguments = (name, array.data, mask, array._fill_value, array.hardmask)  # noqa: SLF001 - .fill_value would create one
    if attributes:
        return make_masked, arguments, attributes, None, None, set_attributes
    return make_masked, arguments


def _reduce_scalar(scalar: "Any") -> "Reduced":
    dtype = scalar.dtype
    description = describe(dtype) if type(scalar) is dtype.type else None
    if description is None:
        return NotImplemented
    if dtype.hasobject:
        return make_item, (sys.modules["numpy"].asarray(scalar),)
    return make_scalar, (description, scalar.tobytes())


def _reduce_dtype(dtype: "Any") -> "Reduced":
    description = describe(dtype)
    return NotImplemented if description is None else (make_dtype, (description,))


def _pickles_itself(kind: type, base: type) -> bool:
    return any(getattr(kind, name, None) is not getattr(base, name, None) for name in _PICKLING_METHODS)


def _class_name(kind: type) -> object:
    """A class of numpy by its name, so that the value can pass through a Python without numpy; others as they are."""
    return (kind.__module__, kind.__name__) if kind.__module__.split(".")[0] == "numpy" else kind


# --- there to here ----------------------------------------------------------------------------------------------------


def _numpy() -> "ModuleType | None":
    """Import numpy; None where it is not installed."""
    try:
        import numpy  # noqa: ICN001, PLC0415 - part of the environment or not
    except ModuleNotFoundError as error:
        if error.name == "numpy":
            return None
        raise
    return numpy


def make_array(
    description: "Description", shape: "tuple[int, ...]", order: str, writeable: "Flag", memory: "Memory"
) -> "Array":
    """Rebuild an array on its memory."""
    numpy = _numpy()
    if numpy is None:
        from wetlands_worker.raw_array import RawArray  # noqa: PLC0415 - only without numpy

        return RawArray(description, shape, order, writeable=writeable, memory=memory)
    array = numpy.ndarray(shape, make(numpy, description), memory, 0, None, order)
    flags = array.flags
    if not flags.aligned or (writeable and not flags.writeable):
        array = array.copy(order)
    if not writeable:
        array.flags.writeable = False
    return array


def make_shared(
    description: "Description",
    shape: "tuple[int, ...]",
    strides: "tuple[int, ...]",
    offset: int,
    writeable: "Flag",
    memory: "Memory",
) -> "Array":
    """Rebuild a view of common memory; where numpy is not installed, from a copy."""
    numpy = _numpy()
    if numpy is None:
        from wetlands_worker.raw_array import RawArray, gathered  # noqa: PLC0415 - only without numpy

        copy = gathered(memory, itemsize(description), shape, strides, offset)
        return RawArray(description, shape, "C", writeable=writeable, memory=copy)
    array = numpy.ndarray(shape, make(numpy, description), memory, offset, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def make_empty(description: "Description", shape: "tuple[int, ...]", order: str) -> "Array":
    """Make an array for `fill` to fill: in two steps, so that an array can contain itself."""
    numpy = _numpy()
    if numpy is None:
        from wetlands_worker.raw_array import RawArray  # noqa: PLC0415 - only without numpy

        return RawArray(description, shape, order, writeable=True, memory=b"", items=[])
    return numpy.empty(shape, make(numpy, description), order)


def fill(array: "Array", state: "tuple[list[object], bool]") -> None:
    """Put elements, or for a structured dtype whole fields, into an array."""
    parts, writeable = state
    if not hasattr(array, "flags"):
        array.fill(parts, writeable=writeable)
        return
    dtype = array.dtype
    if dtype.names is not None:
        for name, part in zip(dtype.names, parts):
            array[name][...] = part
    elif dtype.kind == "O":
        # Not `array[...] = parts`: that would look into elements that are sequences.
        array.__setstate__((1, array.shape, dtype, array.flags.fnc, parts))
    else:
        strings = sys.modules["numpy"].array(parts, dtype=dtype)
        array[...] = strings.reshape(array.shape)
    if not writeable:
        array.flags.writeable = False


def make_view(name: object, array: "Array") -> "Array":
    """Rebuild an instance of a subclass of ndarray."""
    return _raw(make_view, name, array) if _numpy() is None else array.view(_class(name))


def make_masked(name: object, values: "Array", mask: "Array", fill_value: "Array", hard: "Flag") -> "Array":
    """Rebuild a masked array around its values and mask, which are not copied."""
    numpy = _numpy()
    if numpy is None:
        return _raw(make_masked, name, values, mask, fill_value, hard)
    array = values.view(numpy.ma.MaskedArray if name is None else _class(name))
    # What the constructor and the setter of `mask` would do, but they copy.
    array._mask = numpy.ma.nomask if mask is None else mask  # noqa: SLF001
    array._hardmask = hard  # noqa: SLF001
    if fill_value is not None:
        array.fill_value = fill_value
    return array


def make_scalar(description: "Description", memory: bytes) -> "Any":
    """Rebuild a numpy scalar; a Python scalar, or an array without dimensions, where numpy is not installed."""
    numpy = _numpy()
    if numpy is None:
        from wetlands_worker.raw_array import plain_scalar  # noqa: PLC0415 - only without numpy

        return plain_scalar(description, memory)
    dtype = make(numpy, description)
    if not memory:
        return numpy.zeros((), dtype)[()]
    return numpy.ndarray((), dtype, bytearray(memory))[()]  # structured scalars stay on this memory, and are writable


def make_item(array: "Array") -> "Any":
    """Rebuild a structured scalar that has objects in it."""
    return _raw(make_item, array) if _numpy() is None else array[()]


def make_dtype(description: "Description") -> "Any":
    """Rebuild a dtype."""
    numpy = _numpy()
    return _raw(make_dtype, description) if numpy is None else make(numpy, description)


def set_attributes(array: "Array", attributes: "dict[str, object]") -> None:
    """Give an instance of a subclass its attributes back."""
    array.__dict__.update(attributes)


def _class(name: "Any") -> type:
    if isinstance(name, type):
        return name
    from wetlands_worker.foreign_names import find  # noqa: PLC0415 - only for classes of numpy

    module, qualified = name
    kind: type = find(module, qualified, lambda place, word: getattr(__import__(place, fromlist=(word,)), word))
    return kind


def _raw(constructor: "Callable[..., object]", *arguments: object) -> object:
    from wetlands_worker.raw_array import RawNumpy  # noqa: PLC0415 - only without numpy

    return RawNumpy(constructor.__name__, arguments)
