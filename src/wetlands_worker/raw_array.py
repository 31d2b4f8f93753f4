"""What arrays of numpy become in a Python that has no numpy: their bytes, shape and dtype, ready to be passed on."""

import sys
from _pickle import PickleBuffer

from wetlands_worker.dtypes import itemsize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from wetlands_worker.dtypes import Description

    Memory = Union[bytes, bytearray, memoryview]

__all__ = ["RawArray", "RawNumpy", "gathered", "plain_scalar"]

# The formats of `struct` and memoryview for numpy's type strings without their byte order.
_FORMATS = {
    "b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip
_NATIVE_ORDERS = "|=<" if sys.byteorder == "little" else "|=>"


class RawArray:
    """An array without numpy.

    It offers its memory (``memory``, ``data``, ``tobytes()``; the buffer protocol itself from Python 3.12 on) and
    ``__array_interface__``, so Pillow and others that speak it, and a numpy installed later, can use it. Sent on to a
    Python with numpy it becomes the array it was. Arithmetic and indexing need numpy.

    Attributes:
        dtype: The dtype as numpy writes it: ``"<f8"``. Structured ones as ``"|V12"``, objects as ``"|O"``.
        shape: The length of each dimension.
        order: ``"C"`` or ``"F"``.
        memory: The bytes of all items, writable if the source was.
        items: The elements of an array of objects or of variable-width strings, in C order, or the fields of
            a structured one; otherwise None.
    """

    __slots__ = ("_description", "_writeable", "dtype", "items", "memory", "order", "shape")

    def __init__(
        self,
        description: "Description",
        shape: "tuple[int, ...]",
        order: str,
        *,
        writeable: bool,
        memory: "Memory",
        items: "list[object] | None" = None,
    ) -> None:
        self.dtype = description if isinstance(description, str) else f"|V{itemsize(description)}"
        self.shape = shape
        self.order = order
        self.memory = bytearray(memory) if writeable and memoryview(memory).readonly else memory
        self.items = items
        self._description = description
        self._writeable = writeable

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of items."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def itemsize(self) -> int:
        """The bytes of one item."""
        return itemsize(self._description)

    @property
    def nbytes(self) -> int:
        """The bytes of all items."""
        return len(self.memory)

    @property
    def data(self) -> memoryview:
        """The memory as a memoryview: of its shape and format where Python has that format, else of flat bytes."""
        view: "Any" = memoryview(self.memory)  # typeshed wants each format as a literal
        form = _FORMATS.get(self.dtype[1:])
        if form not in {None, "e"} and self.dtype[0] in _NATIVE_ORDERS and self.order == "C" and 0 not in self.shape:
            view = view.cast(form, list(self.shape))
        return view  # type: ignore[no-any-return]

    @property
    def __array_interface__(self) -> "dict[str, object]":
        if self.items is not None:
            msg = f"an array of dtype {self.dtype} has no memory that others can read; it needs numpy"
            raise AttributeError(msg)
        strides = None
        if self.order == "F":
            steps = [self.itemsize]
            for length in self.shape[:-1]:
                steps.append(steps[-1] * length)
            strides = tuple(steps)
        return {
            "version": 3,
            "typestr": self.dtype,
            "shape": self.shape,
            "strides": strides,
            "data": self.memory,
            "offset": 0,
        }

    def tobytes(self) -> bytes:
        """A copy of the memory, in its order."""
        return bytes(self.memory)

    def __buffer__(self, flags: int) -> memoryview:
        """The buffer protocol (PEP 688, Python >= 3.12)."""
        return self.data

    def fill(self, items: "list[object]", *, writeable: bool) -> None:
        """Take the elements, after an array of objects was made empty."""
        self.items = items
        self._writeable = writeable

    def __reduce_ex__(self, protocol: object) -> "tuple[object, ...]":
        from wetlands_worker import array_values as there  # noqa: PLC0415 - it imports this module

        if self.items is not None:
            state = (self.items, self._writeable)
            return there.make_empty, (self._description, self.shape, self.order), state, None, None, there.fill
        memory = PickleBuffer(self.memory)
        return there.make_array, (self._description, self.shape, self.order, self._writeable, memory)

    def __len__(self) -> int:
        if not self.shape:
            msg = "len() of an array without dimensions"
            raise TypeError(msg)
        return self.shape[0]

    def __repr__(self) -> str:
        return f"RawArray(dtype={self.dtype!r}, shape={self.shape})"

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(_needs_numpy(self, name))


class RawNumpy:
    """Another value of numpy without numpy: a masked array, a matrix, a dtype.

    There is nothing to do with it but to send it on; in a Python with numpy it becomes what it was.

    Attributes:
        constructor: The function of `array_values` that rebuilds it.
        arguments: Its arguments; arrays among them are `RawArray`.
    """

    def __init__(self, constructor: str, arguments: "tuple[object, ...]") -> None:
        self.constructor = constructor
        self.arguments = arguments

    def __reduce_ex__(self, protocol: object) -> "tuple[object, ...]":
        from wetlands_worker import array_values as there  # noqa: PLC0415 - it imports this module

        reduced = getattr(there, self.constructor), self.arguments
        attributes = {key: item for key, item in vars(self).items() if key not in {"constructor", "arguments"}}
        return (*reduced, attributes, None, None, there.set_attributes) if attributes else reduced

    def __repr__(self) -> str:
        return f"RawNumpy({self.constructor!r}, ...)"

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(_needs_numpy(self, name))


def _needs_numpy(value: object, name: str) -> str:
    from wetlands_worker.foreign_names import here  # noqa: PLC0415 - only when something failed

    return f"{value!r} has no {name!r}: it is a value of numpy, which is not installed in {here()}"


def plain_scalar(description: "Description", memory: bytes) -> object:
    """The Python scalar for a numpy scalar; an array without dimensions where Python has no such scalar."""
    code = description[1:] if isinstance(description, str) else ""
    byteorder = "big" if description[0] == ">" else "little"
    if code in _FORMATS or code in {"c8", "c16"}:
        import struct  # noqa: PLC0415 - only without numpy

        form = _FORMATS.get(code) or {"c8": "2f", "c16": "2d"}[code]
        numbers = struct.unpack((">" if byteorder == "big" else "<") + form, memory)
        return numbers[0] if len(numbers) == 1 else complex(*numbers)
    if code.startswith("U"):
        return memory.decode(f"utf-32-{byteorder[0]}e", "surrogatepass")
    if code.startswith("S"):
        return memory
    return RawArray(description, (), "C", writeable=True, memory=memory)


def gathered(
    memory: "Memory", size: int, shape: "tuple[int, ...]", strides: "tuple[int, ...]", offset: int
) -> bytearray:
    """The items of a strided view, one after the other in C order."""
    if not shape:
        return bytearray(memoryview(memory)[offset : offset + size])
    inner = bytearray()
    for index in range(shape[0]):
        inner += gathered(memory, size, shape[1:], strides[1:], offset + index * strides[0])
    return inner
