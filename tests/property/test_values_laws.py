"""decode(encode(value)) is the value, for anything made of plain things and for arrays of every kind."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arrays import assert_same
from wetlands_worker.values import DecodeError, EncodeError, decode, encode

if TYPE_CHECKING:
    from arrays import Anything


inline_limits = st.sampled_from([0, 1, 100, 4096, 1 << 30])
texts = st.text() | st.text(alphabet=st.characters(categories=("Cs", "Ll")))
large = st.integers(65_530, 65_545).flatmap(
    lambda size: st.sampled_from([b"x" * size, bytearray(size), "a" * size, "é" * size])
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | texts
    | st.binary() | st.binary().map(bytearray) | st.datetimes() | st.decimals(allow_nan=False) | st.uuids()
    | texts.filter(lambda text: "\0" not in text).map(pathlib.PurePosixPath)
)  # fmt: skip
hashable = st.none() | st.booleans() | st.integers() | texts | st.binary()
values = st.recursive(
    scalars | large,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(hashable, inner) | st.sets(hashable)
        | st.frozensets(hashable)
    ),
    max_leaves=12,
)  # fmt: skip
dtypes = (
    npst.scalar_dtypes()
    | npst.floating_dtypes(endianness=">")
    | npst.byte_string_dtypes()
    | npst.unicode_string_dtypes()
    | npst.array_dtypes()
    | npst.nested_dtypes()
)
shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


@st.composite
def arrays(draw: st.DrawFn) -> Anything:
    """Arrays of any dtype in any memory layout a view can have."""
    array: Any = draw(npst.arrays(draw(dtypes), draw(shapes)))
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    array = array[tuple(slice(None, None, draw(st.sampled_from([1, 1, 2, -1]))) for _ in range(array.ndim))]
    array = array if isinstance(array, np.ndarray) else np.asarray(array)
    if draw(st.booleans()):
        array = array.view()
        array.flags.writeable = False
    return array


def crossed(value: object, inline_below: int) -> Anything:
    body, buffers = encode(value, inline_below=inline_below)
    assert all(buffer.c_contiguous and buffer.format == "B" and buffer.ndim == 1 for buffer in buffers)
    return decode(body, [bytearray(buffer) for buffer in buffers])


@given(values, inline_limits)
def test_plain_values_arrive_as_they_were(value: object, inline_below: int) -> None:
    arrived = crossed(value, inline_below)

    assert value == arrived
    assert type(value) is type(arrived)


@given(st.lists(large | st.binary(max_size=10), max_size=6), inline_limits)
def test_large_strings_next_to_each_other_stay_apart(parts: list[object], inline_below: int) -> None:
    assert parts == crossed(parts, inline_below)


@given(arrays(), inline_limits)
def test_arrays_arrive_as_they_were(array: Anything, inline_below: int) -> None:
    assert_same(array, crossed(array, inline_below))


@given(st.lists(arrays(), max_size=3), values, inline_limits)
def test_arrays_arrive_inside_of_anything(several: list[Any], value: object, inline_below: int) -> None:
    arrived = crossed({"several": several, "nested": [(value, several)]}, inline_below)

    assert value == arrived["nested"][0][0]
    for expected, actual in zip(several, arrived["nested"][0][1], strict=True):
        assert_same(expected, actual)
    assert arrived["several"] is arrived["nested"][0][1]


@given(npst.arrays(object, shapes, elements=values.filter(lambda value: not isinstance(value, tuple))), inline_limits)
def test_objects_in_arrays_arrive_as_they_were(array: Anything, inline_below: int) -> None:
    arrived = crossed(array, inline_below)

    assert array.shape == arrived.shape
    assert array.tolist() == arrived.tolist()


@given(arrays(), st.data(), inline_limits)
def test_masked_arrays_keep_their_mask(array: Anything, data: st.DataObject, inline_below: int) -> None:
    mask = data.draw(npst.arrays(bool, array.shape)) if array.dtype.names is None else np.ma.nomask
    with np.errstate(over="ignore"):  # numpy's own default fill value, 1e20, does not fit into a float16
        masked = np.ma.array(array, mask=mask, hard_mask=data.draw(st.booleans()))
        arrived = crossed(masked, inline_below)

    assert_same(np.ma.getdata(masked), np.ma.getdata(arrived))
    np.testing.assert_array_equal(np.ma.getmaskarray(masked), np.ma.getmaskarray(arrived))
    assert masked.hardmask == arrived.hardmask


@given(dtypes)
def test_dtypes_arrive_as_they_were(dtype: np.dtype[Any]) -> None:
    arrived = crossed(dtype, 0)

    assert dtype == arrived
    assert repr(dtype) == repr(arrived)


@given(values, st.data())
def test_the_path_of_an_error_leads_to_the_culprit(value: object, data: st.DataObject) -> None:
    culprit = (line for line in "")  # a generator, which nothing can send
    path = ""
    planted: object = culprit
    for _ in range(data.draw(st.integers(0, 5))):
        planted, step = data.draw(st.sampled_from([
            ([value, planted], "[1]"), ((planted,), "[0]"), ({"k": planted}, "['k']"), ({1: value, 2: planted}, "[2]"),
        ]))  # fmt: skip
        path = step + path

    with pytest.raises(EncodeError) as caught:
        encode(planted)

    assert (f"value{path}", "generator") == (caught.value.path, caught.value.type_name)


@given(values, st.data())
def test_a_body_that_was_cut_short_is_an_error(value: object, data: st.DataObject) -> None:
    body, buffers = encode([value, pathlib.PurePosixPath("a")])

    with pytest.raises(DecodeError):
        decode(body[: data.draw(st.integers(0, len(body) - 1))], [bytearray(buffer) for buffer in buffers])
