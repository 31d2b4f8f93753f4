"""Arrays that processes share by choice: what one writes, all see, and sending them copies nothing.

```python
from wetlands import shared

image = shared.zeros((2000, 1500), "float32")
env.execute("filters.py", "fill", args=(image,))   # writes into the image, here
```

They are normal arrays of numpy. Passing one of them, or a view of one, as argument or result shares its memory; what
numpy computes from them (``image + 1``, ``image.copy()``) is an ordinary array again. The memory is freed when the last
array on it is gone in every process, and when the processes are, however they end.
"""

import sys

from wetlands_worker.dtypes import describe, itemsize, make
from wetlands_worker.handover import arrived, lend
from wetlands_worker.shared_memory import Memory, create, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Optional, Union

    from wetlands_worker.dtypes import Description
    from wetlands_worker.handover import Ticket

    Array = Any  # a numpy.ndarray; numpy has no types where it is not installed
    Shape = Union[int, Sequence[int]]
    Reduced = tuple[Any, ...]
    Flag = bool  # named, because pickle passes it by position

__all__ = ["copy_of", "empty", "is_shared", "zeros"]


def empty(shape: "Shape", dtype: "Any" = "float64", order: str = "C") -> "Array":
    """Make a shared array.

    Args:
        shape: The length of each dimension.
        dtype: Of what; not objects, nor strings of variable width.
        order: ``"C"`` or ``"F"``, as in numpy.

    Returns:
        A normal `numpy.ndarray`; its content is not to be relied on.

    Raises:
        ModuleNotFoundError: numpy is not installed here.
        OSError: The machine has not so much memory.
        TypeError: Items of that dtype cannot be shared.
    """
    numpy = numpy_here()
    kind = shareable(numpy.dtype(dtype))
    sides = lengths(shape)
    if kind.subdtype is not None:  # as numpy does: its dimensions become those of the array
        kind, more = kind.subdtype
        sides += more
    size = kind.itemsize
    for length in sides:
        size *= length
    return numpy.ndarray(sides, kind, create(size), 0, None, order)


def lengths(shape: "Shape") -> "tuple[int, ...]":
    """A shape as a tuple.

    Raises:
        ValueError: A length is negative.
    """
    sides = tuple(map(int, shape)) if hasattr(shape, "__iter__") else (int(shape),)
    if any(length < 0 for length in sides):
        problem = f"the shape {shape} has a negative length"
        raise ValueError(problem)
    return sides


def zeros(shape: "Shape", dtype: "Any" = "float64", order: str = "C") -> "Array":
    """Make a shared array of zeros; see `empty`."""
    return empty(shape, dtype, order)  # fresh memory holds nothing else


def copy_of(array: "Any", order: str = "C") -> "Array":
    """Copy an array, or what numpy can make one of, into a shared array; see `empty`."""
    source = numpy_here().asarray(array)
    copy = empty(source.shape, source.dtype, order)
    copy[...] = source
    return copy


def is_shared(array: object) -> bool:
    """Whether passing this array shares it."""
    return memory_under(array) is not None


def memory_under(array: object) -> "Optional[Memory]":
    """The shared memory that an array lies on."""
    base = array
    while base is not None and not isinstance(base, Memory):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def shareable(dtype: "Any") -> "Any":
    """That dtype.

    Raises:
        TypeError: Items of it cannot be shared.
    """
    if dtype.hasobject or dtype.kind == "T" or describe(dtype) is None:
        problem = f"items of dtype {dtype} refer to memory of one process and cannot be shared; send the array instead"
        raise TypeError(problem)
    return dtype


def numpy_here() -> "Any":
    """The module numpy.

    Raises:
        ModuleNotFoundError: It is not installed here.
    """
    try:
        import numpy  # noqa: ICN001, PLC0415 - part of the environment or not
    except ModuleNotFoundError as error:
        problem = f"shared arrays need numpy, which is not installed in {sys.executable}; install it there"
        raise ModuleNotFoundError(problem, name="numpy") from error
    return numpy


def reduce(array: "Array") -> "Optional[Reduced]":
    """How an array crosses that is shared; None for any other."""
    memory = memory_under(array.base)
    dtype = array.dtype
    if memory is None or dtype.hasobject or dtype.kind == "T":
        return None
    description = describe(dtype)
    if description is None:
        return None
    offset = _address(array) - _address(sys.modules["numpy"].ndarray((1,), "u1", memory)) if array.size else 0
    place = (memory.name, lend(memory))
    return make_shared, (place, description, array.shape, array.strides, offset, array.flags.writeable)


def make_shared(
    place: "tuple[str, Ticket]",
    description: "Description",
    shape: "tuple[int, ...]",
    strides: "tuple[int, ...]",
    offset: int,
    writeable: "Flag",
) -> "Array":
    """Rebuild a view of shared memory; from a copy where numpy is not installed."""
    memory = receive(*place)
    try:
        numpy = numpy_here()
    except ModuleNotFoundError:
        from wetlands_worker.raw_array import RawArray  # noqa: PLC0415 - only without numpy

        copy = _gathered(memory, itemsize(description), shape, strides, offset)
        return RawArray(description, shape, "C", writeable=writeable, memory=copy)
    array = numpy.ndarray(shape, make(numpy, description), memory, offset, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def receive(name: str, ticket: "Ticket") -> Memory:
    """Map memory that was sent, and tell its sender.

    Raises:
        FileNotFoundError: There is no such memory any more.
    """
    memory = find(name)
    arrived(ticket)
    return memory


def _address(array: "Array") -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


def _gathered(
    memory: Memory, size: int, shape: "tuple[int, ...]", strides: "tuple[int, ...]", offset: int
) -> bytearray:
    """The items of a view, in C order."""
    if not shape:
        return bytearray(memory[offset : offset + size])
    if len(shape) == 1 and strides[0] == size:
        return bytearray(memory[offset : offset + size * shape[0]])
    gathered = bytearray()
    for index in range(shape[0]):
        gathered += _gathered(memory, size, shape[1:], strides[1:], offset + index * strides[0])
    return gathered
