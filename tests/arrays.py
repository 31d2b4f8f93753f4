"""Arrays for tests: dtypes of every kind, and what it means that two arrays are the same."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

STRUCTURED = np.dtype(
    {
        "names": ["a", "b", "c"],
        "formats": ["<i4", ("<f8", (2,)), [("x", "S3"), ("y", "M8[ns]")]],
        "offsets": [4, 16, 40],
        "itemsize": 64,
    }
)
Anything = Any  # what the stubs of numpy cannot follow
DTYPES: list[np.dtype[Any]] = [
    *map(np.dtype, ["?", "i1", "<u2", ">i4", "<i8", ">u8", "f2", ">f4", "f8", "g", "F", ">D", "G"]),
    *map(np.dtype, ["S3", "U2", ">U2", "V5", "S0", "U0", "O", "M8[ns]", "M8[25s]", ">M8[D]", "m8[us]"]),
    np.dtype([("a", "i4"), ("b", "f8")]),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
    np.dtype([("a", "O"), ("b", "f8", 3)]),
    np.dtype([]),
    STRUCTURED,
]


def filled(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Anything:
    """An array in which neighbours differ, as far as the dtype can tell them apart."""
    array: Anything = np.zeros(shape, dtype)
    if dtype.names is not None:
        for name in dtype.names:
            array[name][...] = filled(array[name].shape, array[name].dtype)
    elif dtype.kind == "O":
        array.flat = [[number] for number in range(array.size)]
    elif dtype.itemsize:
        numbers = np.arange(array.size).reshape(shape)
        array[...] = numbers.astype("S5").astype(dtype) if dtype.kind == "V" else numbers.astype(dtype)
    return array


def assert_same(expected: Anything, actual: Anything) -> None:
    """Fail unless class, dtype, shape, layout, writability and every element agree."""
    assert type(expected) is type(actual)
    assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape)
    assert expected.dtype.type is actual.dtype.type
    assert expected.flags.writeable == actual.flags.writeable
    assert actual.flags.forc
    assert actual.flags.aligned
    if expected.flags.forc:
        assert expected.flags.fnc == actual.flags.fnc
    _assert_equal_elements(expected, actual)


def _assert_equal_elements(expected: Anything, actual: Anything) -> None:
    if expected.dtype.names is None and expected.dtype.hasobject:
        differ = [pair for pair in zip(expected.flat, actual.flat, strict=True) if not _is_same_object(*pair)]
        assert [] == differ[:3]
    elif expected.dtype.names is None:
        np.testing.assert_array_equal(expected, actual)  # here NaN and NaT equal themselves, but not inside structures
    for name in expected.dtype.names or ():
        _assert_equal_elements(expected[name], actual[name])


def _is_same_object(expected: object, actual: object) -> bool:
    """Where arrays in it have no single truth, or NaN is not equal to itself, what it looks like counts."""
    if type(expected) is not type(actual):
        return False
    with suppress(ValueError):
        if not isinstance(expected, np.ndarray) and bool(expected == actual):
            return True
    return repr(expected) == repr(actual)
