"""Arrays in shared memory as objects with a handle, and the helpers that programs of Wetlands 1.x use.

New programs find `shared` simpler: normal arrays, nothing to close. Nothing has to be closed here either: memory is
freed with the last `NDArray`, array or handle on it in any process, and with the processes. `close`, `unlink` and
`dispose` free it earlier. `unregister` does nothing: no resource tracker watches this memory.
"""

import copyreg
import sys
from contextlib import contextmanager

from wetlands_worker import shared
from wetlands_worker.dtypes import describe, itemsize, make
from wetlands_worker.handover import lend
from wetlands_worker.shared_memory import SharedMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from wetlands_worker.dtypes import Description
    from wetlands_worker.handover import Ticket
    from wetlands_worker.shared import Array, Shape

    Wrapped = dict[str, Any]

__all__ = [
    "NDArray",
    "SharedMemory",
    "create_shared_array",
    "get_shared_array",
    "initialize_ndarray",
    "register_ndarray_pickle",
    "release_shared_memory",
    "share_array",
    "share_manage_array",
    "unregister",
    "unwrap",
    "update_ndarray",
    "wrap",
]


class NDArray:
    """An array in shared memory. It crosses without a copy, and every process sees what any of them writes.

    Leaving a ``with`` block disposes of it.

    Args:
        array: What to copy into new memory; shape and dtype are its own unless given.
        shm: Memory to use instead, of `SharedMemory`; with shape and dtype, or an array to be copied into it.
        shape: The length of each dimension.
        dtype: Anything that numpy takes for a dtype; not objects. Without numpy: numpy's own type strings (``"<f8"``).

    Raises:
        ModuleNotFoundError: An array is given or asked for, and numpy is not installed here.
        OSError: The machine has not so much memory.
        TypeError: Items of that dtype cannot be shared; or neither an array nor shape and dtype.
        ValueError: The memory is too small.
    """

    __slots__ = ("__weakref__", "_array", "_description", "_shape", "_shm")

    def __init__(
        self,
        array: "Any" = None,
        shm: "Optional[SharedMemory]" = None,
        shape: "Optional[Shape]" = None,
        dtype: "Any" = None,
    ) -> None:
        if array is not None:
            array = shared.numpy_here().asarray(array)
            shape = array.shape if shape is None else shape
            dtype = array.dtype if dtype is None else dtype
        if shape is None or dtype is None:
            problem = "an NDArray needs an array, or a shape and a dtype"
            raise TypeError(problem)
        given: object = shm
        if given is not None and not isinstance(given, SharedMemory):
            problem = f"shm is a {type(shm).__name__}; it must be a wetlands.ndarray.SharedMemory"
            raise TypeError(problem)
        lengths = shared.lengths(shape)
        description = _described(dtype)
        size = itemsize(description)
        for length in lengths:
            size *= length
        if shm is not None and shm.size < size:
            problem = f"an array of shape {lengths} needs {size:,} bytes, and {shm!r} has {shm.size:,}"
            raise ValueError(problem)
        self._fill(SharedMemory(create=True, size=size) if shm is None else shm, lengths, description)
        if array is not None:
            self.array[...] = array

    @classmethod
    def received(cls, name: str, ticket: "Ticket", size: int, shape: "Any", description: "Description") -> "NDArray":
        """The array that another process sent."""
        made = cls.__new__(cls)
        made._fill(SharedMemory.of(shared.receive(name, ticket), size), shape, description)  # noqa: SLF001 - our own
        return made

    def _fill(self, shm: SharedMemory, shape: "tuple[int, ...]", description: "Description") -> None:
        self._array: "Array" = None
        self._shm = shm
        self._shape = shape
        self._description = description

    @property
    def array(self) -> "Array":
        """The array, a normal one of numpy. It stays valid after `close`, for who keeps it.

        Raises:
            ModuleNotFoundError: numpy is not installed here.
            ValueError: This NDArray was closed.
        """
        memory = self._shm.memory
        if self._array is None:
            numpy = shared.numpy_here()
            self._array = numpy.ndarray(self._shape, make(numpy, self._description), memory)
        return self._array

    @property
    def shape(self) -> "tuple[int, ...]":
        """The length of each dimension."""
        return self._shape

    @property
    def dtype(self) -> "Any":
        """The dtype; where numpy was not imported, a description of it, mostly numpy's type string (``"<f8"``)."""
        numpy = sys.modules.get("numpy")
        return self._description if numpy is None else make(numpy, self._description)

    @property
    def shm(self) -> SharedMemory:
        """The memory."""
        return self._shm

    def close(self) -> None:
        """Let go of the memory here; a second call does nothing."""
        self._array = None
        self._shm.close()

    def unlink(self) -> None:
        """Let no other process open the memory any more; those that have it keep it."""
        self._shm.unlink()

    def unregister(self) -> None:
        """Do nothing: no resource tracker watches this memory."""

    def dispose(self, unregister: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract
        """`unlink` and `close`.

        Args:
            unregister: Without effect, see `unregister`.
        """
        if unregister:
            self.unregister()
        self.unlink()
        self.close()

    def __enter__(self) -> "NDArray":  # noqa: PYI034 - Self is not in the standard library of 3.8
        return self

    def __exit__(self, *_error: object) -> None:
        self.dispose()

    def __reduce__(self) -> "tuple[Any, ...]":
        memory = self._shm.memory
        return _received, (memory.name, lend(memory), self._shm.size, self._shape, self._description)

    def __repr__(self) -> str:
        return f"NDArray(shape={self._shape}, dtype={self._description!r}, shm={self._shm!r})"


def _received(*arguments: "Any") -> NDArray:
    return NDArray.received(*arguments)


def _described(dtype: "Any") -> "Description":
    try:
        numpy = shared.numpy_here()
    except ModuleNotFoundError:
        if not isinstance(dtype, str) or dtype[:1] not in "<>|=" or not itemsize(dtype):
            raise
        return dtype
    description = describe(shared.shareable(numpy.dtype(dtype)))
    if numpy.dtype(dtype).subdtype is not None or description is None:
        problem = f"the dtype {dtype} has dimensions of its own; put them into the shape"
        raise TypeError(problem)
    return description


def initialize_ndarray(shape: "Any", dtype: "Any" = None) -> NDArray:
    """Make an NDArray.

    Args:
        shape: The shape of an array of zeros; or an array, to be copied.
        dtype: Of what; by default that of the array, or float64.
    """
    if isinstance(shape, (int, tuple, list)):
        return NDArray(shape=shape, dtype="float64" if dtype is None else dtype)
    return NDArray(shape, dtype=dtype)


def update_ndarray(ndarray: "Any", array: "Any" = None) -> NDArray:
    """Put an array into an NDArray, which is replaced when its shape or dtype differ. The arguments may be exchanged.

    Args:
        ndarray: The NDArray; or None, to make one.
        array: The array.

    Returns:
        The same NDArray, or the new one; the old one was disposed of then.
    """
    if ndarray is not None and not isinstance(ndarray, NDArray):
        ndarray, array = array, ndarray
    source = shared.numpy_here().asarray(array)
    if isinstance(ndarray, NDArray) and (ndarray.shape, ndarray.dtype) == (source.shape, source.dtype):
        ndarray.array[...] = source
        return ndarray
    made = NDArray(source)
    if ndarray is not None:
        ndarray.dispose()
    return made


def create_shared_array(shape: "Shape", dtype: "Any") -> "tuple[Array, SharedMemory]":
    """Make an array of zeros in shared memory, and the handle of that."""
    made = NDArray(shape=shape, dtype=dtype)
    return made.array, made.shm


def share_array(array: "Any") -> "tuple[Array, SharedMemory]":
    """Copy an array into shared memory; the copy, and the handle of its memory."""
    made = NDArray(array)
    return made.array, made.shm


def wrap(array: "Array", shm: SharedMemory) -> "Wrapped":
    """Describe an array that begins where its shared memory does, by plain values: for any way to another process."""
    return {"name": shm.name, "shape": array.shape, "dtype": describe(array.dtype)}


def unwrap(wrapped: "Wrapped") -> "tuple[Array, SharedMemory]":
    """The array that `wrap` described, and the handle of its memory.

    Raises:
        FileNotFoundError: The process that wrapped it has ended, or has released it.
    """
    shm = SharedMemory(name=wrapped["name"])
    dtype = make(shared.numpy_here(), wrapped["dtype"])
    return NDArray(shm=shm, shape=wrapped["shape"], dtype=dtype).array, shm


def release_shared_memory(shm: "Optional[SharedMemory]", unlink: bool = True) -> None:  # noqa: FBT001, FBT002 - the contract
    """Close shared memory; None is ignored.

    Args:
        shm: Its handle.
        unlink: Let no other process open it any more.
    """
    if shm is None:
        return
    if unlink:
        shm.unlink()
    shm.close()


@contextmanager
def share_manage_array(array: "Any", unlink_on_exit: bool = True) -> "Iterator[Wrapped]":  # noqa: FBT001, FBT002 - the contract
    """Share a copy of an array inside of a ``with`` block, which gets what `wrap` gives.

    Args:
        array: The array.
        unlink_on_exit: Let no other process open it after the block.
    """
    copy, shm = share_array(array)
    try:
        yield wrap(copy, shm)
    finally:
        release_shared_memory(shm, unlink_on_exit)


@contextmanager
def get_shared_array(wrapped: "Wrapped") -> "Iterator[Array]":
    """The array that `wrap` described, inside of a ``with`` block."""
    array, shm = unwrap(wrapped)
    try:
        yield array
    finally:
        shm.close()


def unregister(shm: "Optional[SharedMemory]") -> None:
    """Do nothing: no resource tracker watches this memory."""


def register_ndarray_pickle() -> None:
    """Have `pickle` send an NDArray as a reference to its memory. It always does; kept for programs that ask for it."""
    copyreg.pickle(NDArray, NDArray.__reduce__)
