"""Values of numpy arrive as they were, whatever their dtype, order and class."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from arrays import DTYPES, assert_same, filled
from wetlands_worker import array_values
from wetlands_worker.values import DecodeError, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from arrays import Anything

ma: Anything = np.ma  # its stubs refuse what its documentation shows


def crossed(value: object, **options: int) -> Anything:
    body, buffers = encode(value, **options)  # type: ignore[arg-type]
    return decode(body, [bytearray(buffer) for buffer in buffers])


def layouts(dtype: np.dtype[Any]) -> dict[str, Anything]:
    cube = filled((2, 3, 4), dtype)
    return {
        "C": cube,
        "Fortran": np.asfortranarray(cube),
        "transposed": cube.transpose(1, 2, 0),
        "strided": cube[:, ::2, ::-1],
        "0-d": cube[1, 2, 3, ...].copy(),
        "empty": np.zeros((0, 3), dtype),
        "broadcast": np.broadcast_to(filled((3,), dtype), (2, 3)),
    }


@pytest.mark.parametrize("inline_below", [0, 1 << 20])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_arrays_of_every_dtype_and_layout_arrive_as_they_were(dtype: np.dtype[Any], inline_below: int) -> None:
    for array in layouts(dtype).values():
        assert_same(array, crossed(array, inline_below=inline_below))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes_arrive_as_they_were(dtype: np.dtype[Any]) -> None:
    arrived = crossed(dtype)

    assert dtype == arrived
    assert type(dtype) is type(arrived)
    assert repr(dtype) == repr(arrived)
    assert dtype.isalignedstruct == arrived.isalignedstruct


def test_titles_and_metadata_of_a_dtype_are_kept() -> None:
    titled = crossed(np.dtype([(("Title", "a"), "i4"), ("b", "f8")]))
    tagged = crossed(np.dtype("f8", metadata={"unit": "m"}))

    assert (np.dtype("i4"), 0, "Title") == titled.fields["a"]
    assert {"unit": "m"} == dict(tagged.metadata)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_contiguous_array_is_not_copied(order: str) -> None:
    array = np.ones((100, 200), order=order)  # type: ignore[call-overload]

    body, buffers = encode({"a": [array]})

    assert len(body) < 300
    assert [array.nbytes] == [buffer.nbytes for buffer in buffers]
    array[0, 0] = 7
    assert 7 == np.frombuffer(buffers[0])[0]


@pytest.mark.parametrize("dtype", ["M8[ns]", "m8[us]", "U7", "S3", "V5", ">i4", "f2", "G"])
def test_memory_that_numpy_does_not_export_is_not_copied_either(dtype: str) -> None:
    array = np.zeros(10_000, dtype)

    _, (buffer,) = encode(array)

    assert np.may_share_memory(array.view("V1") if array.dtype.kind != "V" else array, np.frombuffer(buffer, "u1"))


def test_an_array_sits_on_the_memory_that_arrived() -> None:
    body, buffers = encode(np.arange(10_000))
    received = [bytearray(buffer) for buffer in buffers]

    arrived = decode(body, received)
    received[0][0] = 42

    assert 42 == arrived[0]  # type: ignore[index]


def test_writing_into_what_arrived_does_not_change_what_was_sent() -> None:
    for array in (np.zeros(5), np.zeros(5000)):
        arrived = crossed(array)
        arrived += 1

        assert 0 == array.sum()


def test_an_array_is_writable_also_on_memory_that_is_not() -> None:
    body, buffers = encode(np.zeros(5000))

    arrived = decode(body, [bytes(buffer) for buffer in buffers])

    assert arrived.flags.writeable  # type: ignore[attr-defined]


def test_an_array_is_aligned_also_on_memory_that_is_not() -> None:
    body, buffers = encode(np.arange(5000.0))
    shifted = memoryview(bytearray(1) + bytearray(buffers[0]))[1:]

    arrived: Any = decode(body, [shifted])

    assert arrived.flags.aligned
    assert 4999 == arrived[-1]


@pytest.mark.parametrize("size", [5, 5000])
def test_a_read_only_array_arrives_read_only(size: int) -> None:
    array = np.zeros(size)
    array.flags.writeable = False

    assert not crossed(array).flags.writeable
    assert not crossed(array[::2]).flags.writeable
    assert not crossed(np.broadcast_to(np.array([None]), size)).flags.writeable


def test_an_array_referred_to_twice_stays_one_and_two_views_become_two() -> None:
    array = np.zeros(5)

    same, again, view = crossed([array, array, array[:]])

    assert same is again
    assert not np.shares_memory(same, view)


OBJECTS = np.empty((2, 3), object)
OBJECTS[0, 0] = [1, 2]
OBJECTS[0, 1] = np.arange(3)
OBJECTS[0, 2] = np.array(5)
OBJECTS[1, 0] = {"a": np.ones((2, 2), order="F")}
OBJECTS[1, 1] = "text"


@pytest.mark.parametrize("array", [OBJECTS, OBJECTS.T, OBJECTS[::-1, ::2], np.array(None), np.empty((0, 2), object)])
def test_an_array_of_objects_keeps_its_elements_as_they_are(array: Anything) -> None:
    assert_same(array, crossed(array))


def test_an_array_of_objects_may_contain_itself() -> None:
    array = np.empty(2, object)
    array[1] = array

    arrived = crossed(array)

    assert arrived[1] is arrived


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_fields_that_are_objects_cross_with_the_others(shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, [("o", "O"), ("f", "f4", 2), ("n", [("p", "O"), ("q", "i2")])])
    array["o"][...] = {"k": 1}
    array["n"]["q"][...] = 3

    assert_same(array, crossed(array))


SCALARS = [
    np.float64(1.5), np.float32(1.5), np.float16(2), np.longdouble(1) / 3, np.int8(-3), np.uint64(2**64 - 1),
    np.bool_(True), np.complex64(1j), np.clongdouble(1j), np.str_("aü"), np.str_(""), np.bytes_(b"a"), np.bytes_(b""),
    np.datetime64("2020-01-01"), np.datetime64("NaT", "s"), np.timedelta64(3, "h"), np.void(b"abc"),
    np.zeros(1, [("a", "i4"), ("b", "M8[s]")])[0], np.zeros(1, [("a", "i4"), ("b", "O")])[0],
]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: type(scalar).__name__)
def test_scalars_keep_type_and_value(scalar: Anything) -> None:
    arrived = crossed({"a": scalar})["a"]

    assert type(scalar) is type(arrived)
    assert scalar.dtype == arrived.dtype
    assert repr(scalar) == repr(arrived)


def test_a_structured_scalar_can_be_written_to() -> None:
    arrived = crossed(np.zeros(1, [("a", "i4")])[0])

    arrived["a"] = 5

    assert 5 == arrived["a"]


# --- classes of arrays ------------------------------------------------------------------------------------------------

MASKED = {
    "mask": ma.array([1, 2, 3], mask=[0, 1, 0]),
    "fill value": ma.array([1.0, 2], mask=[0, 1], fill_value=9),
    "hard": ma.array([1, 2], mask=[0, 1], hard_mask=True),
    "no mask": ma.array([1, 2]),
    "all masked": ma.masked_all((2, 2)),
    "2-d Fortran": ma.array(np.ones((2, 3), order="F"), mask=np.eye(2, 3)),
    "structured": ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")], mask=[(0, 1)], fill_value=(7, 8.0)),
    "strings": ma.array(["a", "bc"], mask=[0, 1], fill_value="?"),
    "objects": ma.array([None, [1]], dtype=object, mask=[0, 1]),
    "empty": ma.array([], dtype="f4"),
    "0-d": ma.array(1.0, mask=True),
}


@pytest.mark.parametrize("kind", MASKED)
def test_a_masked_array_keeps_mask_fill_value_and_hardness(kind: str) -> None:
    array: Any = MASKED[kind]

    arrived = crossed([array])[0]

    assert type(array) is type(arrived)
    assert_same(ma.getdata(array), ma.getdata(arrived))
    assert_same(ma.getmaskarray(array), ma.getmaskarray(arrived))
    assert (ma.getmask(array) is ma.nomask) == (ma.getmask(arrived) is ma.nomask)
    assert array.hardmask == arrived.hardmask
    assert repr(array.fill_value) == repr(arrived.fill_value)
    assert repr(array.copy()) == repr(arrived.copy())


def test_a_masked_array_is_not_copied() -> None:
    array = ma.array(np.ones(10_000), mask=np.zeros(10_000, bool))

    body, buffers = encode(array)

    assert len(body) < 500
    assert [80_000, 10_000] == [buffer.nbytes for buffer in buffers]


def test_what_others_hang_on_a_masked_array_is_kept() -> None:
    array = ma.array([1, 2], mask=[0, 1])
    array._optinfo["unit"] = "m"

    assert {"unit": "m"} == crossed(array)._optinfo


def test_the_masked_constant_stays_the_one_there_is() -> None:
    assert ma.masked is crossed(ma.masked)


def test_a_row_of_a_masked_structured_array_crosses() -> None:
    row: Any = MASKED["structured"][0]

    arrived = crossed(row)

    assert type(row) is type(arrived)
    assert repr(row) == repr(arrived)


def test_a_matrix_and_a_masked_matrix_stay_what_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # a matrix is, and users still have them
        matrix = np.matrix([[1, 2], [3, 4]])
        masked = ma.array(matrix, mask=np.eye(2))

        assert_same(matrix, crossed(matrix))
        assert np.matrix is type(crossed(masked).data)


def test_records_keep_access_by_attribute() -> None:
    records = np.rec.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i4"), ("b", "f8")])

    assert_same(records, crossed(records))
    assert [1, 3] == list(crossed(records).a)
    assert 4.0 == crossed(records[1]).b
    assert np.record is crossed(records.view(np.ndarray)).dtype.type


def test_a_memory_map_arrives_as_an_array(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "x", "f4", "w+", shape=(5, 1000))
    mapped[...] = 7

    body, buffers = encode(mapped)
    arrived: Any = decode(body, [bytearray(buffer) for buffer in buffers])
    memory = buffers[0].nbytes
    buffers[0].release()

    assert np.ndarray is type(arrived)
    assert (20_000, 35_000) == (memory, arrived.sum())


class Tagged(np.ndarray[Any, Any]):
    tag: object = None

    def __array_finalize__(self, source: Anything) -> None:
        self.tag = getattr(source, "tag", None)


class PicklesItself(Tagged):
    rebuilt = False

    def __reduce__(self) -> Anything:
        reduced: Anything = super().__reduce__()
        constructor, arguments, state = reduced
        return constructor, arguments, (*state, self.tag)

    def __setstate__(self, state: Anything) -> None:
        *state, self.tag = state
        self.rebuilt = True
        super().__setstate__(tuple(state))


@pytest.mark.parametrize("kind", [Tagged, PicklesItself])
def test_a_subclass_keeps_its_attributes(kind: type[Tagged]) -> None:
    array = np.arange(6.0).reshape(2, 3).view(kind)
    array.tag = {"unit": "m"}

    arrived = crossed(array)

    assert_same(array, arrived)
    assert {"unit": "m"} == arrived.tag


def test_a_subclass_with_pickling_methods_is_sent_by_them() -> None:
    assert crossed(np.zeros(2).view(PicklesItself)).rebuilt


def test_a_subclass_may_refer_to_itself() -> None:
    array = np.zeros(2).view(Tagged)
    array.tag = [array]

    arrived = crossed(array)

    assert arrived is arrived.tag[0]


# --- numpy 1, 2, other, none ------------------------------------------------------------------------------------------


def test_no_pickle_of_numpy_names_its_private_modules() -> None:
    values = [np.zeros(3), np.float64(1), np.dtype("f8"), OBJECTS, MASKED["structured"], np.zeros(2).view(Tagged)]

    for value in values:
        body, _ = encode(value)
        assert b"numpy.core" not in body
        assert b"numpy._core" not in body


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_a_pickle_of_any_numpy_loads(core: str) -> None:
    module = f"{core}.multiarray".encode()
    body = b"\x80\x04\x8c" + bytes([len(module)]) + module + b"\x8c\x06scalar\x93\x8c\x05numpy\x8c\x05dtype\x93"
    body += b"\x8c\x02f8\x85RC\x08" + np.float64(2.5).tobytes() + b"\x86R."

    assert 2.5 == decode(body, [])


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_private_modules_of_another_numpy_are_not_even_asked_for(core: str) -> None:
    module = f"{core}.fromnumeric".encode()  # asking for it where it is only a stub is a warning, here an error

    assert np.mean is decode(b"\x80\x05\x8c" + bytes([len(module)]) + module + b"\x8c\x04mean\x93.", [])


@pytest.mark.parametrize("module", ["numpy", "numpy.exceptions"])
def test_errors_of_numpy_are_found_where_they_are(module: str) -> None:
    module_word = b"\x8c" + bytes([len(module)]) + module.encode()

    assert np.exceptions.AxisError is decode(b"\x80\x05" + module_word + b"\x8c\x09AxisError\x93.", [])


def test_a_dtype_that_this_numpy_lacks_is_named() -> None:
    body, buffers = encode(np.zeros(3, "f4"))

    with pytest.raises(DecodeError, match=rf"numpy {np.__version__} has no dtype '<f9'"):
        decode(body.replace(b"<f4", b"<f9"), buffers)


def test_variable_width_strings_arrive_with_their_missing_values() -> None:
    string = np.dtypes.StringDType
    for dtype in (string(), string(na_object=None), string(na_object=np.nan), string(coerce=False)):
        missing = getattr(dtype, "na_object", "x")
        array = np.array([["a", "b" * 100, missing], ["ü", "", "c"]], dtype=dtype)

        for layout in (array, array.T, array[:, ::2], array[:0]):
            assert_same(layout, crossed(layout))


def test_encoding_does_not_import_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy")

    assert [1, {"a": (2.0,)}, {3}] == crossed([1, {"a": (2.0,)}, {3}])
    assert "numpy" not in sys.modules


def test_a_numpy_that_another_thread_is_still_importing_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", ModuleType("numpy"))

    assert {} == array_values.reducers("numpy")
