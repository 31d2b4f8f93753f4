"""Values of numpy pass through a Python without numpy, and are usable there as far as their memory is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from arrays import DTYPES, assert_same, filled
from wetlands_worker.raw_array import RawArray, RawNumpy
from wetlands_worker.values import DecodeError, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from arrays import Anything

ma: Anything = np.ma  # its stubs refuse what its documentation shows
ORDERS: dict[str, Callable[[Any], Any]] = {"C": np.ascontiguousarray, "F": np.asfortranarray}


def decoded_without_numpy(value: object, **options: int) -> Anything:
    body, buffers = encode(value, **options)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        return decode(body, [bytearray(buffer) for buffer in buffers])


def crossed(value: object) -> Anything:
    body, buffers = encode(value)
    return decode(body, [bytearray(buffer) for buffer in buffers])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_an_array_passes_through_unchanged(dtype: np.dtype[Any], order: str) -> None:
    array = ORDERS[order](filled((2, 3), dtype))

    raw = decoded_without_numpy([array])[0]

    assert isinstance(raw, RawArray)
    assert (2, 3) == raw.shape
    assert_same(array, crossed(raw))


def test_it_says_what_it_is() -> None:
    raw = decoded_without_numpy(np.asfortranarray(np.zeros((2, 3), "f4")))

    assert "RawArray(dtype='<f4', shape=(2, 3))" == repr(raw)
    assert ("F", 2, 6, 4, 24) == (raw.order, raw.ndim, raw.size, raw.itemsize, raw.nbytes)
    assert 2 == len(raw)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.array(5, "i2"), np.zeros((0, 2)), np.array([True])])
def test_its_memory_can_be_read(array: Anything) -> None:
    raw = decoded_without_numpy(array)

    assert array.tobytes() == raw.tobytes()
    assert array.tobytes() == raw.data.tobytes()
    if array.size:
        assert array.tolist() == raw.data.tolist()


def test_memory_of_formats_that_python_lacks_is_flat() -> None:
    for array in (np.zeros(3, "f2"), np.zeros(3, ">f8"), np.zeros((2, 2), order="F"), np.zeros(2, "M8[s]")):
        assert (array.nbytes,) == decoded_without_numpy(array).data.shape


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 688 came with Python 3.12")
def test_it_is_a_buffer_where_python_classes_can_be() -> None:
    raw = decoded_without_numpy(np.arange(3.0))

    assert [0.0, 1.0, 2.0] == memoryview(raw).tolist()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", ["f4", ">i2", "U3", "?"])
def test_what_speaks_the_array_interface_can_use_it(dtype: str, order: str) -> None:
    array = ORDERS[order](filled((2, 3), np.dtype(dtype)))
    raw = decoded_without_numpy(array)

    class Holder:  # numpy would use the buffer protocol first, where there is one
        __array_interface__ = raw.__array_interface__

    np.testing.assert_array_equal(array, np.asarray(Holder()))


def test_it_is_writable_as_its_source_was() -> None:
    writable, frozen = np.zeros(3), np.zeros(3)
    frozen.flags.writeable = False

    assert not memoryview(decoded_without_numpy(writable).memory).readonly
    assert memoryview(decoded_without_numpy(frozen).memory).readonly
    assert not crossed(decoded_without_numpy(frozen)).flags.writeable


def test_what_needs_numpy_says_so() -> None:
    raw = decoded_without_numpy(np.zeros(3))

    with pytest.raises(
        AttributeError, match=r"has no 'mean': it is a value of numpy, which is not installed in Python"
    ):
        raw.mean()
    with pytest.raises(TypeError, match="without dimensions"):
        len(decoded_without_numpy(np.array(1)))


def test_elements_that_are_objects_can_be_read() -> None:
    array = np.array([[1, "a"], [None, [2]]], dtype=object)

    raw = decoded_without_numpy(array.T)

    assert ([1, None, "a", [2]], "|O") == (raw.items, raw.dtype)
    assert not hasattr(raw, "__array_interface__")
    assert_same(array.T, crossed(raw))


@pytest.mark.parametrize(
    "scalar, plain",
    [
        (np.float64(1.5), 1.5), (np.float16(1.5), 1.5), (np.int8(-3), -3), (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True), (np.complex64(1 + 2j), 1 + 2j), (np.str_("aü"), "aü"), (np.bytes_(b"a"), b"a"),
        (np.zeros(1, ">i4")[0] + 5, 5),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_scalars_become_those_of_python(scalar: object, plain: object) -> None:
    arrived = decoded_without_numpy(scalar)

    assert plain == arrived
    assert type(plain) is type(arrived)


@pytest.mark.parametrize("scalar", [np.datetime64(5, "s"), np.longdouble(1), np.void(b"ab")])
def test_scalars_that_python_lacks_become_arrays_without_dimensions(scalar: Anything) -> None:
    raw = decoded_without_numpy(scalar)

    assert (RawArray, ()) == (type(raw), raw.shape)
    assert scalar == crossed(raw)[()]


OTHERS: dict[str, Anything] = {
    "masked array": ma.array([1, 2], mask=[0, 1], fill_value=5),
    "annotated": ma.array([1, 2], mask=[0, 1]),
    "records": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "dtype": np.dtype([("a", "i4")]),
    "scalar with objects": np.zeros(1, [("a", "O")])[0],
}
OTHERS["annotated"]._optinfo["unit"] = "m"


@pytest.mark.parametrize("kind", OTHERS)
def test_other_values_pass_through_unchanged(kind: str) -> None:
    raw = decoded_without_numpy({"a": OTHERS[kind]})["a"]
    arrived = crossed([raw])[0]

    assert isinstance(raw, RawNumpy)
    assert type(OTHERS[kind]) is type(arrived)
    assert repr(OTHERS[kind]) == repr(arrived)
    assert getattr(OTHERS[kind], "_optinfo", None) == getattr(arrived, "_optinfo", None)
    with pytest.raises(AttributeError, match="not installed"):
        raw.shape  # noqa: B018 - reading it is the test


def test_a_numpy_that_does_not_work_is_not_taken_for_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    body, buffers = encode(np.zeros(3))
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.setattr(sys, "meta_path", [Broken()])

    with pytest.raises(DecodeError, match="a library of numpy is missing"):
        decode(body, buffers)


class Broken:
    def find_spec(self, name: str, *_: object) -> None:
        raise ImportError("a library of numpy is missing", name=name)
