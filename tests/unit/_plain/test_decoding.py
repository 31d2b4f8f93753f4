"""The decoder for values of workers that are not trusted: what is plain arrives, and nothing else is built or run."""

from __future__ import annotations

import copyreg
import datetime as dt
import pickle
import time
import tracemalloc
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
from wetlands._plain.decoding import check_plain, decode_plain
from wetlands_worker.arrivals import Dropped
from wetlands_worker.pieces import Piece
from wetlands_worker.segments import Segment
from wetlands_worker.values import DecodeError, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arrays import Anything

RAN: list[str] = []


def run(what: str) -> str:
    """What no value may lead to."""
    RAN.append(what)
    return what


@pytest.fixture(autouse=True)
def nothing_runs() -> None:
    RAN.clear()


def crossed(value: object, inline_below: int = 4096) -> Anything:
    body, buffers = encode(value, inline_below=inline_below)
    return decode_plain(body, [bytearray(buffer) for buffer in buffers])


def refused(body: bytes, buffers: Sequence[object] = ()) -> str:
    """How a value is refused; within seconds, and without much memory."""
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError) as caught:
            decode_plain(body, buffers)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 10
    assert [] == RAN
    return str(caught.value)


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
        assert f"it holds {__name__}.run" in message
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


# --- instructions that need no name -----------------------------------------------------------------------------------


def test_an_extension_code_that_was_used_before_is_refused() -> None:
    copyreg.add_extension(__name__, "run", 77)
    try:
        body = b"\x80\x02\x82M\x8c\x02it\x85R."
        assert "it" == pickle.loads(body)
        assert "it" == pickle.loads(body)
        RAN.clear()
        assert "plain values need no instruction b'\\x82'" in refused(body)
        assert "plain values need no instruction" in refused(b"\x80\x02\x83M\x00.")
        assert "plain values need no instruction" in refused(b"\x80\x02\x84M\x00\x00\x00.")
    finally:
        copyreg.remove_extension(__name__, "run", 77)


@pytest.mark.parametrize(
    "body",
    [
        b"\x80\x04cbuiltins\nprint\n.",
        b"(S'x'\nibuiltins\nprint\n.",
        b"(cbuiltins\nprint\no.",
        b"P5\n.",
        b"K\x01Q.",
        b"\x80\x05]\x94K\x01b.",
        b"\x80\x05)\x81.",
        b"\x80\x05)}\x92.",
        b"\x80\x05K\x01q\x00.",
        b"\x80\x05K\x01r\xff\xff\xff\xff.",
        b"\x80\x05K\x01p4294967295\n.",
        b"\x80\x05K\x01" + b"2" * 100 + b".",
        b"I10\n.",
        b"L" + b"9" * 10_000 + b"L\n.",
        b"S'text'\n.",
        b"V\n.",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_instructions_that_no_plain_value_needs_are_refused(body: bytes) -> None:
    assert "plain values need no instruction" in refused(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b".",
        b"\x80",
        b"\x80\x05",
        b"\x80\x05K",
        b"\x80\x05K\x01",
        b"\x80\x05K\x01.more",
        b"\x80\x05K\x01K\x02.",
        b"\x80\x05(K\x01.",
        b"\x80\x05K\x01(0.",
        b"\x80\x05K\x010.",
        b"\x80\x05K\x01\x86.",
        b"\x80\x05t.",
        b"\x80\x05h\x00.",
        b"\x80\x05\x94.",
        b"\x80\x05j\xff\xff\xff\xff.",
        b"\x80\x05\x97.",
        b"\x80\x05K\x01\x98.",
        b"\x80\x05K\x01K\x02a.",
        b"\x80\x05](K\x01s.",
        b"\x80\x05)K\x01K\x02s.",
        b"\x80\x05}(K\x01u.",
        b"\x80\x05]K\x01\x93.",
        b"\x80\x05\x8c\x01a]\x93.",
        b"\x80\x05]\x94]R.",
        b"\x80\x05\x8c\x01\xff\x8c\x01a\x93.",
        b"\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.",
        b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7fa.",
        b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00a.",
        b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7fK\x01.",
        b"\x80\x05\x95\x01\x00\x00\x00\x00\x00\x00\x00K\x01.",
        b"\x80\x05\x95\x04\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00\x00K\x01.",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_damaged_values_are_refused(body: bytes) -> None:
    assert "damaged" in refused(body)


def test_an_instruction_that_reaches_beyond_its_frame_does_not_lead_elsewhere() -> None:
    """CPython drops the rest of the frame then, and reads on behind it: there lies what looked like a text."""
    hidden = b"\x8c\x08builtins\x8c\x05print\x93\x8c\x02hi\x85R."
    text = b"\x8c" + bytes((len(hidden),)) + hidden
    for rest in range(1, 5):
        body = b"\x80\x05\x95" + (rest).to_bytes(8, "little") + b"J\x00\x00\x00\x00" + text + b"\x86."
        assert "reaches beyond its frame" in refused(body)


def test_what_a_call_gave_is_not_called_and_not_filled() -> None:
    path = name(STDLIB, "make_path") + b"\x8c\x0dPurePosixPath\x8c\x01a\x86R"
    assert PurePosixPath("a") == decode_plain(b"\x80\x05" + path + b".", ())
    for rest in (b")R.", b"K\x01a.", b"(K\x01e.", b"K\x01K\x02s.", b"(K\x01\x90."):
        assert "damaged" in refused(b"\x80\x05" + path + rest)


def test_a_buffer_is_not_changed() -> None:
    """A bytearray put into itself doubles with every instruction."""
    doubling = b"\x97\x94" + b"(h\x00e" * 60 + b"."
    assert "it changes something that is not a list" in refused(b"\x80\x05" + doubling, [bytearray(10)])


# --- what costs more than its size ------------------------------------------------------------------------------------


def doubled(times: int) -> bytes:
    """A tuple of two tuples that are one and the same, and so on."""
    body = b")\x940"
    for place in range(times):
        body += b"h" + bytes((place,)) + b"h" + bytes((place,)) + b"\x86\x940"
    return body + b"h" + bytes((times,))


def test_a_key_that_takes_for_ever_to_hash_is_refused_and_as_a_value_it_is_fine() -> None:
    start = b"\x80\x05"
    for body in (b"}" + doubled(100) + b"Ns.", b"\x8f(" + doubled(100) + b"\x90.", b"(" + doubled(100) + b"\x91."):
        assert "more than 1000 parts" in refused(start + body)
    assert tuple is type(decode_plain(start + b"(" + doubled(100) + b"t.", ()))


def test_a_key_that_is_nested_too_deep_for_the_stack_is_refused() -> None:
    assert "more than 1000 parts" in refused(b"\x80\x05}" + b")" + b"\x85" * 100_000 + b"Ns.")


def test_values_that_are_nested_a_million_times_arrive_and_go_away() -> None:
    arrived = decode_plain(b"\x80\x05)" + b"\x85" * 1_000_000 + b".", ())
    assert tuple is type(arrived)
    del arrived


def test_slices_and_ranges_are_not_nested() -> None:
    """The end of a slice in a slice in a slice, a million times, overflows the stack of C."""
    name = b"\x8c\x08builtins\x8c\x05slice\x93\x94"
    assert "damaged" in refused(b"\x80\x05" + name + b"N\x85R" + b"\x94h\x000h\x00h\x01\x85R" + b".")


def test_keys_of_one_hash_are_bounded() -> None:
    prime = (1 << 61) - 1
    keys = {index * prime << 61: None for index in range(1, 300)}
    assert keys == crossed(keys)
    many = b"".join(b"\x8a\x10" + (index * prime).to_bytes(16, "little") + b"N" for index in range(1, 50_000))
    assert "keys that are neither text nor short numbers" in refused(b"\x80\x05}(" + many + b"u.")


def test_keys_of_large_numbers_cost_what_they_are_long() -> None:
    number = b"\x8b" + (1 << 20).to_bytes(4, "little") + b"\x01" * (1 << 20) + b"\x94"
    assert "more than 1000 parts" in refused(b"\x80\x05}" + number + b"Ns.")


def test_ordinary_dicts_of_many_keys_arrive() -> None:
    for value in (
        {index: index for index in range(100_000)},
        {str(index): index for index in range(100_000)},
        {index / 3: index for index in range(50_000)},
        {(index, "a"): index for index in range(5_000)},
        set(range(100_000)),
    ):
        assert value == crossed(value)


def test_a_million_sets_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands._plain.scan._MOST_SETS", 1000)
    assert "more than 1,000 sets" in refused(b"\x80\x05](" + b"\x8f" * 1_001 + b"e.")


def name(module: str, word: str) -> bytes:
    return b"".join(b"\x8c" + bytes((len(text),)) + text.encode() for text in (module, word)) + b"\x93"


def call(module: str, word: str, arguments: object) -> bytes:
    """A pickle that calls something with arguments that are plain."""
    inner = pickle.dumps(arguments, 4)[:-1]
    frame = inner.find(b"\x95")
    plain = inner[frame + 9 :] if frame == 2 else inner[2:]
    return b"\x80\x05" + name(module, word) + plain + b"R."


HUGE = 1 << 100_000
STDLIB = "wetlands_worker.stdlib_values"


@pytest.mark.parametrize(
    "module, word, arguments",
    [
        ("builtins", "bytes", (1 << 40,)),
        ("builtins", "bytes", ([1, 2],)),
        ("builtins", "bytes", ("a", "utf-8")),
        ("builtins", "bytearray", (1 << 40,)),
        ("builtins", "range", (HUGE, HUGE * HUGE, 3)),
        ("builtins", "slice", ((1,),)),
        ("builtins", "complex", ("1" * 1000,)),
        ("decimal", "Decimal", (1.5,)),
        ("decimal", "Decimal", ((0, (1,), "F"),)),
        ("fractions", "Fraction", ("1e999999999",)),
        ("fractions", "Fraction", (HUGE, HUGE + 1)),
        ("fractions", "Fraction", (1.5,)),
        ("fractions", "Fraction", (1, 0)),
        ("datetime", "date", (b"\x07\xe4\x0d\x01",)),
        ("datetime", "date", (b"\x07\xe4\x02\xff",)),
        ("datetime", "date", (2020, 1, 1)),
        ("datetime", "datetime", (b"\x07\xe4\x01\x01\xff\xff\xff\xff\xff\xff",)),
        ("datetime", "datetime", (b"\x07\xe4\x01\x01\x01\x01\x01\x01\x01\x01", 5)),
        ("datetime", "time", (b"\xff\xff\xff\xff\xff\xff",)),
        ("datetime", "timedelta", (HUGE,)),
        ("datetime", "timedelta", (1e300,)),
        ("datetime", "timezone", (5,)),
        (STDLIB, "make_path", ("os", "x")),
        (STDLIB, "make_path", ("sys.exit", "x")),
        (STDLIB, "make_path", ("Path", "x")),
        (STDLIB, "make_path", ("PurePosixPath", 5)),
        (STDLIB, "make_path", (["PurePosixPath"], "a")),
        (STDLIB, "make_uuid", (-1, None)),
        (STDLIB, "make_uuid", (1 << 128, None)),
        (STDLIB, "make_uuid", (1, 7)),
        (STDLIB, "make_zone", ("../../etc/passwd",)),
        (STDLIB, "make_zone", ("/etc/passwd",)),
        (STDLIB, "make_zone", ("No/Such",)),
        (STDLIB, "make_array", ("u", 4, b"\xff\xff\xff\xff")),
        (STDLIB, "make_array", ("d", 8, 1 << 40)),
        (STDLIB, "make_array", ("d", 4, bytes(8))),
        (STDLIB, "make_memoryview", ("P", (1,), bytes(8))),
        (STDLIB, "make_memoryview", ("B", (1 << 60,), bytes(8))),
        (STDLIB, "make_memoryview", ("B", (-1,), bytes(8))),
        (STDLIB, "make_memoryview", ("B", (8,), 8)),
        ("wetlands_worker.pieces", "same", ((1, 2),)),
        ("wetlands_worker.pieces", "same", ([],)),
        ("wetlands_worker.kept", "opened", (b"", [])),
        ("wetlands_worker.shared", "make_shared", (("wl-1-1-1-1", ("", 0)), "<i4", (1,), (4,), 0, True)),
        ("wetlands_worker.shared_memory", "find", ("/tmp/wl-x",)),
        ("wetlands_worker.handover", "arrived", (("/tmp/wl-x", 0),)),
        ("wetlands_worker.callbacks", "_returned", (1,)),
        ("wetlands_worker.array_values", "sys.modules", ()),
        ("wetlands_worker.array_values", "make_item", (1,)),
        ("wetlands_worker.array_values", "set_attributes", (1, {})),
        ("wetlands._plain.rebuild", "_path", ("x", "y")),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_is_built_is_built_of_its_own_arguments_only(
    module: str, word: str, arguments: tuple[object, ...]
) -> None:
    refused(call(module, word, arguments))


def test_a_time_zone_or_path_is_named_as_before() -> None:
    assert PurePosixPath("a") == decode_plain(call(STDLIB, "make_path", ("PurePosixPath", "a")), ())
    assert ZoneInfo("Etc/GMT+1") == decode_plain(call(STDLIB, "make_zone", ("Etc/GMT+1",)), ())


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
