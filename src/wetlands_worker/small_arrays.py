"""Small arrays that come alone, or among a few numbers and texts, cross as plain tuples, with no pickler of ours.

Our pickler asks a reducer for an array and writes down by which function it is rebuilt, which is then looked up: for
an array of a kilobyte that takes four times as long as the rest. Here an array is the tuple that `make_array` takes,
and a last byte after the pickle says where such tuples are. What is not as plain as that goes the other way: an array
of objects, of structures, of dates or in another byte order, one on memory that may be shared, or twice the same.
"""

import sys
from _pickle import PickleBuffer, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple, Union

    Flag = bool  # named, because pickle passes it by position
    Memory = Union[bytes, bytearray]
    Array = Any  # numpy cannot be named where it is not installed
    Described = Tuple[str, Tuple[int, ...], str, bool, PickleBuffer]

__all__ = ["ALONE", "IN_TUPLE", "SMALL", "decode_small", "encode_small", "encode_small_arguments"]

_PROTOCOL = 5
ALONE, IN_TUPLE, _IN_ARGUMENTS = b"\x00", b"\x01", b"\x02"
SMALL = frozenset((ALONE, IN_TUPLE, _IN_ARGUMENTS))
"""The last bytes of the bodies that are made here; every pickle ends in a full stop."""

_FEW = 16
_PLAIN = frozenset((type(None), bool, int, float, str))
_NUMBERS = frozenset("biufc")  # by what numpy calls their kind
_BUILT_IN = 1  # numpy.dtype.isbuiltin of numbers in the byte order of this machine, with nothing added
_modules = sys.modules
_names: "Dict[str, str]" = {}  # of dtypes of numbers, by their letter: to ask numpy for it takes longer
_dtypes: "Dict[str, Any]" = {}  # by such a name


def encode_small(value: object, limit: int) -> "Optional[bytes]":
    """The body of an array, or of a tuple with arrays in it; None for what this is not for.

    Args:
        value: Anything.
        limit: Arrays of so many bytes are not small.
    """
    if type(value) is tuple:
        found = _tuple(value, limit)
        return None if found is None else dumps(found, _PROTOCOL) + IN_TUPLE
    if type(value) is not _kind_of_arrays():
        return None
    described = _described(value, limit)
    return None if described is None else dumps(described, _PROTOCOL) + ALONE


def encode_small_arguments(values: "Tuple[Any, ...]", limit: int = 4096) -> "Optional[bytes]":
    """The body of ``(values, {})``, the arguments of a call; None for what this is not for."""
    found = _tuple(values, limit)
    return None if found is None else dumps(found, _PROTOCOL) + _IN_ARGUMENTS


def decode_small(body: bytes) -> object:
    """What such a body stands for.

    Raises:
        Exception: It is damaged.
    """
    plain = loads(body)  # which does not look at what follows
    if body[-1:] == ALONE:
        return _made(*plain)
    items, places = plain
    for place in places:
        items[place] = _made(*items[place])
    return tuple(items) if body[-1:] == IN_TUPLE else (tuple(items), {})


def _made(name: str, shape: "Tuple[int, ...]", order: str, writeable: "Flag", memory: "Memory") -> "Array":
    """What `make_array` makes; in a third of the time on memory that pickle has made, which is writable and aligned."""
    ndarray, dtype = _kind_of_arrays(), _dtypes.get(name)
    if ndarray is not None and dtype is not None and type(memory) is bytearray and writeable:
        return ndarray(shape, dtype, memory, 0, None, order)
    from wetlands_worker.array_values import make_array  # noqa: PLC0415 - it is there where numpy is

    array = make_array(name, shape, order, writeable, memory)
    if type(array) is ndarray and array.dtype.isbuiltin == _BUILT_IN and array.dtype.kind in _NUMBERS:
        _dtypes[array.dtype.str] = array.dtype  # few: what is made up by a worker is not kept
    return array


def _kind_of_arrays() -> "Any":
    return getattr(_modules.get("numpy"), "ndarray", None)


def _tuple(values: "Tuple[Any, ...]", limit: int) -> "Optional[Tuple[List[object], List[int]]]":
    """The items with the arrays described, and where these are; None unless all are plain, and some are arrays."""
    if len(values) > _FEW:
        return None
    ndarray = _kind_of_arrays()
    items: "List[object]" = []
    places: "List[int]" = []
    for item in values:
        kind = type(item)
        if kind is ndarray:
            if places and any(item is values[place] for place in places):
                return None
            places.append(len(items))
            item = _described(item, limit)  # noqa: PLW2901 - that is what it becomes
            if item is None:
                return None
        elif kind not in _PLAIN:
            return None
        items.append(item)
    return (items, places) if places else None


def _described(array: "Array", limit: int) -> "Optional[Described]":
    """What `make_array` makes an equal one of."""
    dtype, flags, base = array.dtype, array.flags, array.base
    while base is not None and type(base) is type(array):  # a view of another one
        base = base.base
    if (
        array.nbytes >= limit
        or dtype.isbuiltin != _BUILT_IN
        or dtype.kind not in _NUMBERS
        or not flags.forc
        or not (base is None or type(base) is bytearray)  # what else it lies on may be shared
    ):
        return None
    name = _names.get(dtype.char) or _names.setdefault(dtype.char, dtype.str)
    return name, array.shape, "F" if flags.fnc else "C", flags.writeable, PickleBuffer(array)
