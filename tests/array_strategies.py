"""Arrays of any dtype, shape and layout, small and large, alone and inside of anything, for laws about them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arrays import assert_same

if TYPE_CHECKING:
    from arrays import Anything

_DTYPES = (
    npst.scalar_dtypes() | npst.floating_dtypes(endianness=">") | npst.byte_string_dtypes(min_len=1)
    | npst.unicode_string_dtypes(min_len=1) | npst.array_dtypes() | npst.nested_dtypes()
    | st.sampled_from([np.dtype("f2"), np.dtype("?"), np.dtype(">M8[ns]"), np.dtype([("a", ">i2"), ("b", "f8", 2)])])
)  # fmt: skip
_REPEATED = 70_000  # so many bytes or more cross through shared memory


@st.composite
def arrays(draw: st.DrawFn) -> Anything:
    """One array; one in three is large."""
    array: Any = draw(
        npst.arrays(draw(_DTYPES), draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
    )
    if array.nbytes and array.ndim and draw(st.integers(0, 2)) == 0:
        array = np.repeat(array, -(-_REPEATED // array.nbytes), axis=draw(st.integers(0, array.ndim - 1)))
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    array = np.asarray(array[tuple(slice(None, None, draw(st.sampled_from([1, 1, 2, -1]))) for _ in range(array.ndim))])
    if draw(st.booleans()):
        array = array.view()
        array.flags.writeable = False
    return array


masked: st.SearchStrategy[Anything] = st.integers(0, 30_000).map(
    lambda size: np.ma.array(np.arange(size), mask=np.arange(size) % 3 == 0)
)
nested: st.SearchStrategy[Anything] = st.recursive(
    arrays() | masked,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.tuples(inner, inner),
    max_leaves=5,
)  # fmt: skip


def assert_same_inside(expected: Anything, actual: Anything) -> None:
    """Fail unless two values are built of the same arrays in the same way."""
    assert type(expected) is type(actual)
    if isinstance(expected, np.ma.MaskedArray):
        assert_same(np.ma.getdata(expected), np.ma.getdata(actual))
        np.testing.assert_array_equal(np.ma.getmaskarray(expected), np.ma.getmaskarray(actual))
    elif isinstance(expected, dict):
        assert list(expected) == list(actual)
        for key, value in expected.items():
            assert_same_inside(value, actual[key])
    elif isinstance(expected, (list, tuple)):
        for one, other in zip(expected, actual, strict=True):
            assert_same_inside(one, other)
    elif dataclasses.is_dataclass(expected):
        assert_same_inside(vars(expected), vars(actual))
    elif isinstance(expected, np.ndarray):
        assert_same(expected, actual)
    else:
        assert expected == actual
