"""Arrays of workers that are not trusted: whatever is announced, no array reaches beyond the memory that came."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wetlands._plain import arrays
from wetlands._plain.decoding import decode_plain
from wetlands_worker import array_values
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from arrays import Anything

HUGE = 1 << 62
DEEP: Anything = "<i4"
for _ in range(100):
    DEEP = ("record", DEEP)
WIDE: Anything = "<i4"
for _ in range(13):
    WIDE = ("struct", ["a", "b"], [WIDE, WIDE], [0, 4], [None, None], 8, False)


@pytest.fixture(params=["numpy", "no numpy"], autouse=True)
def numpy_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether numpy is installed; without it, arrays are `RawArray`."""
    if request.param == "no numpy":
        monkeypatch.setattr(array_values, "_numpy", lambda: None)
    return bool(request.param == "numpy")


@pytest.mark.parametrize(
    "description, shape",
    [
        ("<i4", (3,)),
        ("<i4", (1,)),
        ("<i4", (-1,)),
        ("<i4", (-2, -1)),
        ("<i4", (2, -1, -1)),
        ("<i4", (1 << 32, 1 << 32)),
        ("<i4", (1 << 31, 1 << 33)),
        ("<i4", (HUGE, 4)),
        ("<i4", (HUGE * 4, 0, 2)),
        ("<i4", (2.0,)),
        ("<i4", (True, 2)),
        ("<i4", ("2",)),
        ("<i4", 2),
        ("<i4", range(1 << 40)),
        ("<i4", [[2]]),
        ("<i4", None),
        ("<i4", (1,) * 65),
        ("<U0", (5,)),
        ("|S0", (HUGE,)),
        ("|V0", (HUGE,)),
        ("|O8", (1,)),
        ("O", (1,)),
        ("|O", (1,)),
        ("<i4,<i4", (1,)),
        ("(1000000000,)<i4", (1,)),
        ("<i4" + "," * 1000, (1,)),
        ("numpy.ndarray", (1,)),
        ("", (8,)),
        ("<i3", (1,)),
        ("<M8[99999999999s]", (1,)),
        ("<M8[s/2]", (1,)),
        ("<U999999999", (1,)),
        (5, (1,)),
        (None, (1,)),
        ((), (1,)),
        (("struct",), (1,)),
        (("struct", ["a"], ["<i4"], [-8], [None], 8, False), (1,)),
        (("struct", ["a"], ["<i4"], [8], [None], 8, False), (1,)),
        (("struct", ["a"], ["|O8"], [0], [None], 8, False), (1,)),
        (("struct", ["a"], ["<i4"], [0], [None], -8, False), (1,)),
        (("struct", ["a"], ["<i4"], [1 << 40], [None], 1 << 41, False), (1,)),
        (("struct", ["a", "a"], ["<i4", "<i4"], [0, 4], [None, None], 8, False), (1,)),
        (("struct", [1], ["<i4"], [0], [None], 8, False), (1,)),
        (("struct", "a", "b", "c", "d", 8, False), (1,)),
        (("struct", ["a"] * 20_000, ["<i4"] * 20_000, [0] * 20_000, [None] * 20_000, 8, False), (1,)),
        (("typed", np.record, "<i4"), (1,)),
        (("scalar type", np.float64, "<"), (1,)),
        (("record", "<i4", "<i4"), (1,)),
        (("subarray", "<i4", (HUGE, 4)), (1,)),
        (("subarray", "<i4", (-1,)), (1,)),
        (("metadata", "<i4", 5), (1,)),
        (("string", (), True), (1,)),
        (("string", (object(),), True), (1,)),
        (("unknown", "<i4"), (1,)),
        (DEEP, (1,)),
        (WIDE, (1,)),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, str) else "",
)
def test_an_array_that_is_not_what_came_is_refused(description: object, shape: object) -> None:
    with pytest.raises((DecodeError, TypeError, ValueError)):
        arrays.make_array(description, shape, "C", True, bytearray(8))


@pytest.mark.parametrize("memory", [8, "12345678", None, [1] * 8, np.zeros(8, "u1"), np.zeros(16, "u1")[::2], range(8)])
def test_an_array_is_built_on_memory_only(memory: object) -> None:
    with pytest.raises(DecodeError, match="an array is built on"):
        arrays.make_array("<i4", (2,), "C", True, memory)


@pytest.mark.parametrize(
    "shape, strides, offset",
    [
        ((2,), (4,), 8),
        ((3,), (4,), 0),
        ((2,), (4,), -4),
        ((2,), (-4,), 0),
        ((2,), (8,), 0),
        ((2,), (1 << 62,), 0),
        ((3,), (1 << 62,), -(1 << 62)),
        ((2, 2), (1 << 62, -(1 << 62)), 0),
        ((1 << 62,), (4,), 0),
        ((1 << 62, 1 << 62), (4, 4), 0),
        ((2,), (4, 4), 0),
        ((2,), (), 0),
        ((2,), (4,), 1.5),
        ((2,), (4,), None),
        ((2,), ("4",), 0),
        ((0,), (4,), 100),
        ((0,), (4,), -1),
    ],
    ids=str,
)
def test_a_view_that_reaches_beyond_its_memory_is_refused(shape: object, strides: object, offset: object) -> None:
    with pytest.raises((DecodeError, ValueError)):
        arrays.make_shared("<i4", shape, strides, offset, True, bytearray(8))


def test_a_view_of_no_memory_is_refused() -> None:
    """numpy itself takes an empty buffer for one that is as long as it has to be."""
    with pytest.raises(DecodeError):
        arrays.make_shared("<i4", (1000,), (4,), 0, True, bytearray())


def test_views_within_their_memory_are_built(numpy_or_not: bool) -> None:
    memory = bytearray(range(8))
    if numpy_or_not:
        assert [3, 2, 1, 0] == arrays.make_shared("|u1", (4,), (-1,), 3, True, memory).tolist()
        assert [5, 5, 5] == arrays.make_shared("|u1", (3,), (0,), 5, True, memory).tolist()
        return
    assert bytes((3, 2, 1, 0)) == arrays.make_shared("|u1", (4,), (-1,), 3, True, memory).tobytes()
    with pytest.raises(DecodeError, match="needs numpy"):
        arrays.make_shared("|u1", (1 << 40,), (0,), 5, True, memory)


@pytest.mark.parametrize(
    "description, memory",
    [
        ("<i4", b""),
        ("<i4", b"12345"),
        ("<U999999999", b""),
        ("|O8", bytes(8)),
        ("<i4", 4),
        ("<i4", bytearray(4)),
        (("string", (), True), b""),
    ],
)
def test_a_scalar_is_as_long_as_its_dtype(description: object, memory: object) -> None:
    with pytest.raises((DecodeError, TypeError)):
        arrays.make_scalar(description, memory)


@pytest.mark.parametrize("shape", [(1 << 40,), (-1,), (1 << 32, 1 << 32), 5])
def test_an_array_of_strings_has_no_more_items_than_the_value_has_bytes(shape: object) -> None:
    with pytest.raises(DecodeError):
        arrays.make_empty(100, ("string", (), True), shape, "C")


@pytest.mark.parametrize("description", ["|O", "<i4", ("struct", ["a"], ["|O"], [0], [None], 8, False)])
def test_arrays_of_objects_are_refused(description: object) -> None:
    with pytest.raises(DecodeError, match="an array of objects"):
        arrays.make_empty(100, description, (1,), "C")


@pytest.mark.parametrize("state", [([object()], True), ((1,), True), (["a"], True, 5), ([b"a"], True), 5])
def test_only_text_is_filled_in(state: object) -> None:
    with pytest.raises((DecodeError, ValueError, TypeError)):
        arrays.fill(np.zeros(1), state)


@pytest.mark.parametrize(
    "name",
    [
        None,
        "recarray",
        ("os", "system"),
        ("numpy", "ndarray"),
        ("numpy", "memmap"),
        ("wetlands_worker.pieces", "Piece"),
        np.recarray,
        ["numpy", "recarray"],
        (["numpy"], "x"),
    ],
    ids=str,
)
def test_no_class_is_imported_for_a_view(name: object) -> None:
    with pytest.raises((DecodeError, TypeError)):
        arrays.make_view(name, np.zeros(1))


def test_masks_fit(numpy_or_not: bool) -> None:
    if not numpy_or_not:
        return
    values = np.zeros(3)
    for mask in (np.zeros(2, bool), np.zeros(3), [1, 2, 3], 5):
        with pytest.raises(DecodeError):
            arrays.make_masked(None, values, mask, None, False)
    with pytest.raises(DecodeError):
        arrays.make_masked(None, [1, 2], None, None, False)
    with pytest.raises(DecodeError):
        arrays.make_masked(None, values, None, 5, False)


def test_an_array_of_a_worker_has_no_attributes_set_and_no_state() -> None:
    body = pickle.dumps(np.zeros(3), 5)
    with pytest.raises(DecodeError, match="it holds numpy"):
        decode_plain(body, ())
