"""The decoder for values of workers that are not trusted: what is plain arrives, and nothing else is built or run."""

from __future__ import annotations

import datetime as dt
import pickle
import uuid
from array import array
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from arrays import assert_same
from plain_attacks import RAN, call, refused, run
from wetlands._plain.decoding import check_plain, decode_plain
from wetlands_worker.arrivals import Dropped
from wetlands_worker.pieces import Piece
from wetlands_worker.segments import Segment
from wetlands_worker.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from arrays import Anything


@pytest.fixture(autouse=True)
def nothing_runs() -> None:
    RAN.clear()


def crossed(value: object, inline_below: int = 4096) -> Anything:
    body, buffers = encode(value, inline_below=inline_below)
    return decode_plain(body, [bytearray(buffer) for buffer in buffers])


# --- what is plain ----------------------------------------------------------------------------------------------------

NAIVE = dt.datetime(2020, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 - such dates cross too
PLAIN = [
    None, True, 0, -1, 255, 1 << 16, 1 << 31, 1 << 70, -(1 << 4000), 1.5, float("inf"), 1 + 2j, "", "text",
    "ü" * 70_000,
    "\ud800",
    b"", b"x" * 300, b"x" * 70_000, bytearray(10), bytearray(70_000), [], [1, "a", [2.5]], list(range(3000)), (),
    (1,), (1, 2, 3, 4),
    {}, {"a": {1: (2, 3)}, (1, "b"): None}, {i: str(i) for i in range(3000)},
    set(), {1, "a"}, frozenset({1, (2, 3)}),
    range(5), range(1, 10, 2), slice(1, None, -1), ..., NotImplemented,
    Decimal("1.50"), Decimal("NaN").copy_abs(), Fraction(-1, 3),
    dt.date(2020, 2, 29), NAIVE, dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc, fold=1),
    dt.datetime(2020, 7, 2, tzinfo=ZoneInfo("Europe/Paris")), dt.time(1, 2, 3, fold=1),
    dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=2), "x")),
    dt.timedelta(1, 2, 3), dt.timezone.utc, dt.timezone(dt.timedelta(minutes=-90)), uuid.UUID(int=5),
    uuid.uuid1(),
    PurePosixPath("a/b"), PureWindowsPath("c:/x"), array("d", [1, 2]), array("B", bytes(70_000)),
]  # fmt: skip


@pytest.mark.parametrize("inline_below", [0, 4096])
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_arrive_as_they_were(value: object, inline_below: int) -> None:
    arrived = crossed(value, inline_below)

    assert type(value) is type(arrived)
    assert repr(value) == repr(arrived)


def test_values_that_contain_themselves_and_parts_that_are_one_and_the_same_stay_that_way() -> None:
    shared = [1]
    value: list[object] = [shared, shared]
    value.append((value,))

    arrived = crossed(value)

    assert arrived[0] is arrived[1]
    assert arrived[2][0] is arrived


@pytest.mark.parametrize("inline_below", [0, 4096])
@pytest.mark.parametrize(
    "value",
    [
        np.arange(10),
        np.arange(100_000, dtype=">f4").reshape(100, 1000),
        np.zeros((3, 4), order="F"),
        np.zeros((0, 5)),
        np.array(5),
        np.array([True]),
        np.array(["a", "bc"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], "M8[25s]"),
        np.zeros(3, [("a", "i4"), ("b", "U3", (2, 2))]),
        np.zeros(3, np.dtype({"names": ["a"], "formats": ["f8"], "offsets": [8], "itemsize": 24})),
        np.array(["a", "bcd"], np.dtypes.StringDType()),
        np.arange(3, dtype=np.complex64),
        np.ma.MaskedArray([1, 2], [False, True]),
        np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ],
    ids=lambda value: f"{type(value).__name__} {value.dtype}",
)
def test_arrays_arrive_as_they_were(value: Anything, inline_below: int) -> None:
    assert_same(value, crossed(value, inline_below))


def test_scalars_dtypes_and_memoryviews_arrive_as_they_were() -> None:
    for scalar in (
        np.float64(1.5),
        np.int8(-1),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2020"),
        np.complex128(1j),
    ):
        assert (type(scalar), repr(scalar)) == (type(crossed(scalar)), repr(crossed(scalar)))
    assert np.dtype([("a", "<i4")]) == crossed(np.dtype([("a", "<i4")]))
    view = crossed(np.arange(6, dtype="i4").reshape(2, 3).data)
    assert ([[0, 1, 2], [3, 4, 5]], "i") == (view.tolist(), view.format)


def test_a_large_array_is_built_on_the_buffer_that_came() -> None:
    body, buffers = encode(np.arange(100_000))
    memory = bytearray(buffers[0])

    arrived: Anything = decode_plain(body, [memory])

    memory[0] = 7
    assert 7 == arrived[0]


# --- what is not ------------------------------------------------------------------------------------------------------


class Evil:
    """Pickled, it is whatever it is told to be."""

    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Anything:
        return self.reduced


class Harmless:
    pass


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrapped", [lambda evil: evil, lambda evil: [1, {"a": evil}], lambda evil: {(1, evil): 2}])
def test_a_pickle_that_calls_something_is_refused_before_anything_is_called(
    protocol: int, wrapped: Callable[[object], object]
) -> None:
    message = refused(pickle.dumps(wrapped(Evil(run, ("it",))), protocol))

    if protocol >= 4:
        assert "it holds plain_attacks.run" in message
        assert 'accept="any"' in message


@pytest.mark.parametrize(
    "value",
    [Harmless(), Harmless, run, print, OrderedDict(a=1), ValueError("x"), np.array([object()], object), type(None)],
    ids=lambda value: type(value).__name__,
)
def test_an_object_of_any_other_class_is_refused_by_its_name(value: object) -> None:
    message = refused(*encode(value))

    assert "only plain values are accepted" in message


def test_the_name_of_what_is_refused_cannot_write_to_a_terminal() -> None:
    body = b"\x80\x05\x8c\x06\x1b[31mx\x8c\x02\x0a\x00\x93."
    assert "it holds \\x1b[31mx.\\n\\x00," in refused(body)


def test_hints_say_what_to_do_instead() -> None:
    assert "return a copy of the shared array" in refused(call("wetlands_worker.shared", "make_shared", ()))
    assert "numpy.asarray() of it" in refused(call("wetlands_worker.array_values", "set_attributes", ()))
    assert "callable of this program" in refused(call("wetlands_worker.callbacks", "_returned", (1,)))


# --- what stands in the place of a body or of a buffer ----------------------------------------------------------------


@pytest.mark.parametrize("body", [1 << 40, None, "text", [], range(1 << 40)])
def test_a_body_is_bytes(body: Anything) -> None:
    assert "something else stands in its place" in refused(body)


@pytest.mark.parametrize("buffers", [5, "ab", {}, range(1 << 40), [1 << 40], [None], ["a"]])
def test_buffers_are_memory(buffers: Anything) -> None:
    assert "something else stands in" in refused(b"\x80\x05K\x01.", buffers)


def test_what_there_was_no_memory_for_says_so() -> None:
    assert "there is no memory for 5 bytes" in refused(b"", [Dropped(5)])
    assert "5 bytes of it came at once, and 3 are taken" in refused(b"", [Dropped(5, 3)])


def test_many_pieces_on_one_place_are_refused_and_two_are_not() -> None:
    import os

    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, 1 << 30)
    segment = Segment(descriptor, 1 << 30)
    pieces = [Piece(segment, 0, 1 << 30, common=True) for _ in range(1000)]
    body = b"\x80\x05]("

    body += b"\x97" * 1000 + b"e."
    assert "bytes of memory" in refused(body, pieces)
    check_plain(b"\x80\x05\x97\x97\x86.", pieces[:2])
