"""Small arrays take a shorter way, and arrive as they do by the other one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from arrays import assert_same
from wetlands_worker import shared
from wetlands_worker.small_arrays import SMALL, decode_small, encode_small, encode_small_arguments
from wetlands_worker.values import DecodeError, decode, encode

if TYPE_CHECKING:
    from arrays import Anything

LIMIT = 4096


class Tagged(np.ndarray):  # type: ignore[type-arg]  # its class is what matters
    """A subclass."""


def read_only() -> Anything:
    array = np.arange(3)
    array.flags.writeable = False
    return array


SMALL_ONES = {
    "bytes": np.ones(1000, np.uint8),
    "table": np.arange(12.0).reshape(3, 4),
    "Fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "complex": np.array([1j, 2]),
    "truth": np.array([True, False]),
    "0-d": np.array(7),
    "empty": np.zeros((0, 3)),
    "view": np.arange(10)[2:5],
    "read-only": read_only(),
    "arrived": np.ndarray((3,), np.uint8, bytearray(b"abc")),
}
TWICE = np.ones(3)
OTHERS: dict[str, Anything] = {
    "large": np.zeros(LIMIT, np.uint8),
    "strided": np.ones((4, 4))[:, ::2],
    "big-endian": np.ones(3, ">i4" if sys.byteorder == "little" else "<i4"),
    "dates": np.array(["2026-01-01"], "M8[D]"),
    "texts": np.array(["ab"]),
    "objects": np.array([None, 1], object),
    "structure": np.zeros(2, [("a", "i4")]),
    "metadata": np.zeros(2, np.dtype("i4", metadata={"unit": "m"})),
    "subclass": np.ones(3).view(Tagged),
    "twice": (TWICE, TWICE),
    "with a list": (np.ones(3), [1]),
    "with bytes": (np.ones(3), b"x"),
    "many": (np.ones(3),) * 17,
    "named": (),
    "no array": (1, 2),
    "a number": 1,
}


@pytest.mark.parametrize("array", SMALL_ONES.values(), ids=SMALL_ONES)
def test_a_small_array_arrives_as_it_was(array: Anything) -> None:
    body = encode_small(array, LIMIT)

    assert body is not None
    assert_same(array, decode_small(body))
    assert (body, []) == encode(array)
    assert_same(array, decode(body, []))


def test_small_arrays_among_numbers_and_texts_arrive_as_they_were() -> None:
    values = (*SMALL_ONES.values(), 1, "ü", None, 2.5, True)
    body, buffers = encode(values)
    found: Anything = decode(body, buffers)

    assert (True, []) == (body[-1:] in SMALL, buffers)
    assert type(values) is type(found)
    for expected, array in zip(SMALL_ONES.values(), found[: len(SMALL_ONES)], strict=True):
        assert_same(expected, array)
    assert values[len(SMALL_ONES) :] == found[len(SMALL_ONES) :]


def test_arguments_of_a_call_arrive_with_their_empty_keywords() -> None:
    array = np.arange(3)
    body = encode_small_arguments((array, "x"))

    assert body is not None
    found: Anything = decode(body, [])
    (first, second), options = found
    assert ("x", {}) == (second, options)
    assert_same(array, first)


def test_what_arrives_is_writable_memory_of_its_own() -> None:
    array = np.ones(5)
    body, _ = encode((array, array.copy()))
    found: Anything = decode(body, [])
    first, second = found
    first[:] = 3

    assert ([3.0] * 5, [1.0] * 5, [1.0] * 5) == (first.tolist(), second.tolist(), array.tolist())


@pytest.mark.parametrize("value", OTHERS.values(), ids=OTHERS)
def test_what_is_less_plain_goes_the_other_way(value: Anything) -> None:
    body, _ = encode(value)

    assert encode_small(value, LIMIT) is None
    assert body[-1:] not in SMALL


def test_an_array_on_memory_that_is_shared_stays_on_it() -> None:
    assert encode_small(shared.zeros(3), LIMIT) is None


@pytest.mark.parametrize("end", sorted(SMALL))
def test_damaged_bodies_are_refused(end: bytes) -> None:
    body, _ = encode((np.ones(3), 1))

    for damaged in (end, body[:-5] + end, b"junk" + end, encode(7)[0] + end, encode((7, 8))[0] + end):
        with pytest.raises(DecodeError):
            decode(damaged, [])
