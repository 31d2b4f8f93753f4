"""Pickles of workers that are not trusted: whatever their instructions are, none does more than build plain values."""

from __future__ import annotations

import copyreg
import pickle
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from plain_attacks import RAN, call, name, refused
from wetlands._plain.decoding import decode_plain
from wetlands_worker.values import encode

if TYPE_CHECKING:
    from arrays import Anything


@pytest.fixture(autouse=True)
def nothing_runs() -> None:
    RAN.clear()


def crossed(value: object) -> Anything:
    body, buffers = encode(value)
    return decode_plain(body, [bytearray(buffer) for buffer in buffers])


STDLIB = "wetlands_worker.stdlib_values"


# --- instructions that need no name -----------------------------------------------------------------------------------


def test_an_extension_code_that_was_used_before_is_refused() -> None:
    copyreg.add_extension("plain_attacks", "run", 77)
    try:
        body = b"\x80\x02\x82M\x8c\x02it\x85R."
        assert "it" == pickle.loads(body)
        assert "it" == pickle.loads(body)
        RAN.clear()
        assert "plain values need no instruction b'\\x82'" in refused(body)
        assert "plain values need no instruction" in refused(b"\x80\x02\x83M\x00.")
        assert "plain values need no instruction" in refused(b"\x80\x02\x84M\x00\x00\x00.")
    finally:
        copyreg.remove_extension("plain_attacks", "run", 77)


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
    many = b"".join(b"\x8a\x10" + (index * prime).to_bytes(16, "little") + b"N" for index in range(1, 21_000))
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


HUGE = 1 << 100_000


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
