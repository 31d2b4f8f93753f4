"""Builds values of numpy as `wetlands_worker.array_values` does, after what came with them was checked.

numpy trusts its caller: given a shape and a buffer it does not look in all cases whether the one fits into the other,
and a dtype may name any class. So each number is checked here first, in integers that do not overflow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wetlands_worker import array_values as trusting
from wetlands_worker.dtypes import itemsize as itemsize_of
from wetlands_worker.dtypes import make
from wetlands_worker.small_arrays import ALONE, IN_TUPLE
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "make_array",
    "make_dtype",
    "make_empty",
    "make_masked",
    "make_scalar",
    "make_shared",
    "make_view",
    "memory_of",
    "small",
]

# Any: values of numpy, which has no types where it is not installed, and what has not been checked yet.

_SIMPLE = re.compile(
    r"[<>|=](?:[biufcSUV]\d{1,9}|[mM]8(?:\[\d{0,9}(?:generic|Y|M|W|D|h|m|s|ms|us|\u03bcs|ns|ps|fs|as)\])?)\Z"
)
_MOST_PARTS = 10_000  # of a dtype
_DEEPEST = 32
_LARGEST_ITEM = 1 << 31
_MOST_DIMENSIONS = 64
_RECORDS = frozenset((("numpy", "recarray"), ("numpy.rec", "recarray"), ("numpy.core.records", "recarray")))


def make_array(description: Any, shape: Any, order: Any, writeable: Any, memory: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_array`: the memory holds exactly the items."""
    size = _itemsize(description)
    sides = _sides(shape)
    bytes_there = memoryview(memory_of(memory)).nbytes
    if _product(sides) * size != bytes_there or (not size and _product(sides)):
        raise _wrong(f"an array of shape {sides} and {size} bytes an item was announced, and {bytes_there} bytes came")
    return trusting.make_array(description, sides, _order(order), writeable is True, memory)


def small(plain: Any, form: bytes) -> Any:  # noqa: ANN401 - see above
    """See `small_arrays.decode_small`: the same of a tuple that was loaded, and of the byte that says what it is."""
    if form == ALONE:
        return make_array(*_five(plain))
    if type(plain) is not tuple or len(plain) != 2 or {list} != set(map(type, plain)):  # noqa: PLR2004 - items and places
        raise _wrong("small arrays among something else")
    items, places = plain
    for place in places:
        if type(place) is not int or not 0 <= place < len(items):
            raise _wrong("a small array in a place that is none")
        items[place] = make_array(*_five(items[place]))
    return tuple(items) if form == IN_TUPLE else (tuple(items), {})


def _five(described: Any) -> tuple[Any, ...]:  # noqa: ANN401 - see above
    if type(described) is not tuple or len(described) != 5:  # noqa: PLR2004 - what `make_array` takes
        raise _wrong("a small array that is described by something else")
    return described


def make_shared(description: Any, shape: Any, strides: Any, offset: Any, writeable: Any, memory: Any) -> Any:  # noqa: ANN401 - what it is called with
    """See `array_values.make_shared`: no item lies outside of the memory."""
    size = _itemsize(description)
    sides, steps = _sides(shape), _integers(strides, "strides")
    start = _integers((offset,), "an offset")[0]
    there = memoryview(memory_of(memory)).nbytes
    spans = [(side - 1) * step for side, step in zip(sides, steps, strict=True)] if all(sides) else []
    first = start + sum(span for span in spans if span < 0)
    last = start + sum(span for span in spans if span > 0) + (size if all(sides) else 0)
    if first < 0 or start < 0 or last > there or not size or not there:
        raise _wrong(f"a view of {sides} items from {first} to {last} of {there} bytes was announced")
    if trusting._numpy() is None and _product(sides) * size > there:  # noqa: SLF001 - its other half
        raise _wrong("a view that repeats its items needs numpy here")
    return trusting.make_shared(description, sides, steps, start, writeable is True, memory)


def make_empty(most: int, description: Any, shape: Any, order: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_empty`, for variable-width strings only.

    Args:
        most: How many items there can be, as each takes a byte of the value.
        description: As there.
        shape: As there.
        order: As there.
    """
    if not isinstance(description, tuple) or description[:1] != ("string",):
        raise DecodeError(
            'it holds an array of objects, and only plain values are accepted here (accept="plain"): return a list, or '
            "an array of numbers or text"
        )
    sides = _sides(shape)
    if _product(sides) > most:
        raise _wrong(f"an array of shape {sides} was announced, and fewer items came")
    _check(description)
    return trusting.make_empty(description, sides, _order(order))


def fill(array: Any, state: Any) -> None:  # noqa: ANN401 - see above
    """See `array_values.fill`."""
    parts, writeable = state
    kind = getattr(getattr(array, "dtype", ""), "kind", "O")
    if kind not in {"T", "O"} or type(parts) is not list or any(type(part) not in _TEXTS for part in parts):
        raise _wrong("an array of text is filled with something else")
    trusting.fill(array, (parts, writeable is True))


_TEXTS = (str, type(None), float)


def make_view(name: Any, array: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_view`, for the one class of numpy that adds nothing but another way to look at fields."""
    if not isinstance(name, tuple) or name not in _RECORDS:
        raise DecodeError(
            'it holds an array of a class of its own, and only plain values are accepted here (accept="plain"): return '
            "numpy.asarray() of it"
        )
    _must_be_array(array)
    return trusting.make_view(("numpy", "recarray"), array)


def make_masked(name: Any, values: Any, mask: Any, fill_value: Any, hard: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_masked`: the mask fits the values."""
    _must_be_array(values)
    numpy = trusting._numpy()  # noqa: SLF001 - its other half
    if name is not None:
        return make_view(name, values)
    if mask is not None:
        _must_be_array(mask)
        if mask.shape != values.shape:
            raise _wrong(f"a mask of shape {mask.shape} for an array of shape {values.shape}")
        if numpy is not None and mask.dtype != numpy.ma.make_mask_descr(values.dtype):
            raise _wrong(f"a mask of dtype {mask.dtype}")
    if fill_value is not None:
        _must_be_array(fill_value)
    return trusting.make_masked(None, values, mask, fill_value, hard is True)


def make_scalar(description: Any, memory: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_scalar`: the memory holds exactly one item."""
    size = _itemsize(description)
    if type(memory) is not bytes or len(memory) != size:
        raise _wrong(f"a number of {size} bytes was announced")
    return trusting.make_scalar(description, memory)


def make_dtype(description: Any) -> Any:  # noqa: ANN401 - see above
    """See `array_values.make_dtype`."""
    if not isinstance(description, tuple) or description[:1] != ("string",):
        _itemsize(description)
    _check(description)
    return trusting.make_dtype(description)


def memory_of(memory: Any) -> Any:  # noqa: ANN401 - see above
    """The memory, if it is some: bytes, or what a buffer was opened as."""
    if type(memory) not in {bytes, bytearray, memoryview} and not hasattr(type(memory), "lease"):
        raise _wrong(f"an array is built on {type(memory).__name__}")
    return memory


def _must_be_array(array: Any) -> None:  # noqa: ANN401 - see above
    numpy = trusting._numpy()  # noqa: SLF001 - its other half
    raw = type(array).__module__ == "wetlands_worker.raw_array"
    if not raw and (numpy is None or not isinstance(array, numpy.ndarray) or hasattr(type(array), "lease")):
        raise _wrong(f"{type(array).__name__} instead of an array")


def _itemsize(description: Any) -> int:  # noqa: ANN401 - see above
    """The bytes of one item of a dtype without objects."""
    _check(description)
    numpy = trusting._numpy()  # noqa: SLF001 - its other half
    if numpy is None:
        if "string" in description:
            raise _wrong("text of any length where each has the same")
        return itemsize_of(description)
    dtype = make(numpy, description)
    if dtype.hasobject or dtype.kind == "T" or not 0 <= dtype.itemsize < _LARGEST_ITEM:
        raise _wrong(f"an array of dtype {dtype}")
    return int(dtype.itemsize)


def _check(description: Any) -> None:  # noqa: ANN401 - see above
    """Refuse the description of a dtype that names a class, holds objects, or is larger than it looks."""
    left = _MOST_PARTS
    waiting: list[tuple[Any, int]] = [(description, 0)]
    while waiting:
        part, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > _DEEPEST:
            raise _wrong(f"a dtype of more than {_MOST_PARTS} parts, or deeper than {_DEEPEST}")
        if isinstance(part, str):
            if _SIMPLE.match(part) is None:
                raise _wrong(f"the dtype {part[:100]!r}")
            continue
        if type(part) is not tuple or not part or type(part[0]) is not str:
            raise _wrong("a dtype that is described by something else")
        waiting += [(inner, depth + 1) for inner in _inner(part[0], part[1:])]


def _inner(kind: str, details: tuple[Any, ...]) -> Sequence[Any]:
    """The dtypes that the description of another one is made of, when all the rest of it is right."""
    match kind, details:
        case "struct", (list() as names, list() as formats, list() as offsets, list() as titles, int() as size, bool()):
            whole = len(names) == len(formats) == len(offsets) == len(titles) <= _MOST_PARTS
            texts = all(type(name) is str for name in names) and all(type(title) in _TITLES for title in titles)
            inside = all(0 <= where < max(size, 1) for where in _integers(offsets, "offsets")) and size < _LARGEST_ITEM
            if whole and texts and inside and len(set(names)) == len(names):
                return formats
        case "record", (inner,):
            return (inner,)
        case "subarray", (inner, shape):
            if _product(_sides(shape)) < _LARGEST_ITEM:
                return (inner,)
        case "metadata", (inner, dict()):
            return (inner,)
        case "string", (tuple() as missing, bool()):
            if len(missing) <= 1 and all(type(one) in _TEXTS for one in missing):
                return ()
        case _:
            pass
    raise _wrong(f"a dtype of the kind {kind[:100]!r}")


_TITLES = (str, type(None))


def _sides(shape: Any) -> tuple[int, ...]:  # noqa: ANN401 - see above
    sides = _integers(shape, "a shape")
    if any(side < 0 for side in sides):
        raise _wrong(f"the shape {sides}")
    return sides


def _integers(numbers: Any, what: str) -> tuple[int, ...]:  # noqa: ANN401 - see above
    if type(numbers) not in {tuple, list} or (what != "offsets" and len(numbers) > _MOST_DIMENSIONS):
        raise _wrong(f"{what} that is none")
    if any(type(number) is not int or abs(number) >> 63 for number in numbers):
        raise _wrong(f"{what} that is not made of numbers")
    return tuple(numbers)


def _product(numbers: Sequence[int]) -> int:
    product = 1
    for number in numbers:
        product *= number
    return product


def _order(order: Any) -> str:  # noqa: ANN401 - see above
    return "F" if order == "F" else "C"


def _wrong(what: str) -> DecodeError:
    return DecodeError(f"the bytes of the value are damaged, or not made by a worker of wetlands: {what}")
