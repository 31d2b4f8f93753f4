"""Values cross by value: whatever they are made of, and without a copy where that can be had."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import pickle
import sys
import threading
import uuid
import zoneinfo
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from wetlands_worker.values import DecodeError, EncodeError, decode, encode

LARGE = 1 << 16  # from here on pickle hands byte strings over as they are


def crossed(value: object, **options: int) -> object:
    body, buffers = encode(value, **options)  # type: ignore[arg-type]
    return decode(body, [bytearray(buffer) for buffer in buffers])


class Colour(enum.Enum):
    RED = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


class Pair(NamedTuple):
    left: object
    right: object


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: object, b: object) -> None:
        self.a, self.b = a, b

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and (self.a, self.b) == (other.a, other.b)

    __hash__ = None  # type: ignore[assignment]


PLAIN = [
    None, True, 1, 1 << 100, 1.5, float("inf"), 1j, "a", "\ud800 lone", "🦆",
    b"ab", bytearray(b"ab"), (), (1,), [1, [2]],
    {"a": {1: 2}}, {1, 2}, frozenset({1}), range(3), slice(1, 2), ...,
    NotImplemented, int, len, Point, crossed,
    Colour.RED, Flag.A | Flag.B, Point(1, [2]), Pair(1, "b"), Slotted(1, {2: 3}), SimpleNamespace(a=1),
    dt.datetime(2024, 2, 29, 12, tzinfo=zoneinfo.ZoneInfo("UTC")), dt.timedelta(1, 2, 3),
    decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5),
    collections.OrderedDict(a=1),
    collections.Counter("aab"), collections.deque([1, 2], maxlen=3), collections.defaultdict(list, {1: [2]}),
    pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("c:\\a"), pathlib.Path("/a b/ü"),
    pathlib.Path("surrogate\udcff"),
    array.array("d", [1, 2]), array.array("i"), memoryview(b"abc"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_what_arrives_equals_what_was_sent(value: object) -> None:
    arrived = crossed([value])

    assert [value] == arrived
    assert type(value) is type(arrived[0])


def test_references_inside_one_value_stay_references() -> None:
    shared = [1]
    cycle: list[object] = [shared, shared]
    cycle.append(cycle)

    arrived = crossed(cycle)

    assert isinstance(arrived, list)
    assert arrived[0] is arrived[1]
    assert arrived[2] is arrived


def test_an_exception_crosses_with_its_arguments() -> None:
    arrived = crossed(KeyError("a", 1))

    assert isinstance(arrived, KeyError)
    assert ("a", 1) == arrived.args


@pytest.mark.parametrize("value", [b"x" * LARGE, bytearray(b"x" * LARGE)], ids=["bytes", "bytearray"])
def test_a_large_byte_string_is_not_copied_when_encoded(value: bytes | bytearray) -> None:
    body, buffers = encode({"a": [value]})

    assert len(body) < 200
    assert [id(value)] == [id(buffer.obj) for buffer in buffers]


@pytest.mark.parametrize("inline_below", [0, 4096, 1 << 40])
def test_byte_strings_of_all_sizes_arrive_among_other_large_things(inline_below: int) -> None:
    sizes = [0, 1, 255, 256, 4095, 4096, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE]
    value = [
        [b"b" * size, bytearray(b"a" * size), "s" * size, "é" * size, array.array("B", b"c" * size)] for size in sizes
    ] + [list(range(50_000)), b"\x95" * (2 * LARGE), b"B" + b"\0" * LARGE]

    assert value == crossed(value, inline_below=inline_below)


def test_a_byte_string_below_the_limit_stays_in_the_body() -> None:
    body, buffers = encode(b"x" * LARGE, inline_below=LARGE + 1)

    assert len(body) > LARGE
    assert [] == buffers


def test_one_large_byte_string_that_is_sent_twice_stays_one() -> None:
    large = b"x" * LARGE
    body, buffers = encode([large, large])

    arrived = decode(body, buffers)

    assert 1 == len(buffers)
    assert [large, large] == arrived
    assert arrived[0] is arrived[1]


def test_a_byte_string_that_looks_like_pickle_code_is_not_mistaken_for_it() -> None:
    disguised = b"B" + (LARGE).to_bytes(4, "little")
    value = [disguised, b"x" * LARGE, disguised * 20_000, b"y" * LARGE]

    assert value == crossed(value, inline_below=1 << 40)
    assert value == crossed(value)


def test_small_memory_stays_in_the_body_and_large_memory_leaves_it() -> None:
    small, large = bytearray(4095), bytearray(4096)

    _, buffers = encode([pickle.PickleBuffer(small), pickle.PickleBuffer(large)])

    assert [4096] == [buffer.nbytes for buffer in buffers]


@pytest.mark.parametrize("inline_below", [0, 1 << 20])
@pytest.mark.parametrize(
    "view",
    [
        memoryview(b"abcdef"),
        memoryview(bytearray(b"abcdef")),
        memoryview(b"abcdef")[::2],
        memoryview(array.array("d", [1, 2, 3, 4])),
        memoryview(array.array("d", [1, 2, 3, 4])).cast("B").cast("d", (2, 2)),
        memoryview(array.array("d", [1])).cast("B").cast("d", ()),
        memoryview(b""),
    ],
)
def test_a_memoryview_arrives_as_one_with_its_format_and_shape(view: memoryview, inline_below: int) -> None:
    arrived = crossed(view, inline_below=inline_below)

    assert isinstance(arrived, memoryview)
    assert view == arrived
    assert (view.format, view.shape) == (arrived.format, arrived.shape)
    if not view.readonly:
        assert not arrived.readonly


def test_a_large_array_of_the_standard_library_is_not_copied_into_the_body() -> None:
    values = array.array("d", range(10_000))

    body, buffers = encode(values)

    assert len(body) < 200
    assert [80_000] == [buffer.nbytes for buffer in buffers]


def test_an_array_of_another_machine_is_refused_where_its_items_have_another_size() -> None:
    body, buffers = encode(array.array("i", [1]))
    forged = body.replace(b"K\x04", b"K\x05")
    assert body != forged

    with pytest.raises(DecodeError, match=r"items of 5 bytes there and of 4 here"):
        decode(forged, buffers)


def test_a_path_of_the_other_operating_system_arrives_as_a_pure_path() -> None:
    foreign, pure = ("PosixPath", pathlib.PurePosixPath) if sys.platform == "win32" else (
        "WindowsPath", pathlib.PureWindowsPath,
    )  # fmt: skip
    own = type(pathlib.Path()).__name__
    body, _ = encode(pathlib.Path("a"))
    length = len(own).to_bytes(1, "little")
    forged = body.replace(length + own.encode(), len(foreign).to_bytes(1, "little") + foreign.encode())
    forged = forged.replace(body[2:11], b"\x95" + (len(forged) - 11).to_bytes(8, "little"))

    assert pure("a") == decode(forged, [])


def test_a_value_may_encode_another_one_while_it_is_encoded() -> None:
    value = [Nested([1, {"a": Nested(b"x" * LARGE)}]), 2]

    assert [[1, {"a": b"x" * LARGE}], 2] == crossed(value)


class Nested:
    def __init__(self, value: object) -> None:
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        body, buffers = encode(self.value)
        return decode, (body, [bytes(buffer) for buffer in buffers])


def test_threads_encode_at_once_without_disturbing_each_other() -> None:
    values = [[index, pathlib.Path(str(index)), b"x" * (LARGE + index), Point(index)] for index in range(8)]
    arrived: dict[int, object] = {}

    def cross(index: int) -> None:
        for _ in range(20):
            arrived[index] = crossed(values[index])

    threads = [threading.Thread(target=cross, args=(index,)) for index in range(len(values))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert dict(enumerate(values)) == arrived


def test_a_class_that_lies_about_what_it_is_is_no_obstacle() -> None:
    assert Liar is type(crossed(Liar()))


class Liar:
    @property
    def __class__(self) -> type:
        return memoryview

    @__class__.setter
    def __class__(self, kind: type) -> None: ...

    def __reduce__(self) -> tuple[object, ...]:
        return Liar, ()


def test_more_types_than_are_remembered_still_cross() -> None:
    kinds = [type(f"Kind{index}", (), {"__reduce__": lambda self: (int, ())}) for index in range(250)]

    assert [0] * 250 == crossed([kind() for kind in kinds])


# --- what cannot arrive -----------------------------------------------------------------------------------------------


def forge(module: str, name: str) -> bytes:
    """A pickle of ``module.name()``."""
    return b"\x80\x05" + b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name)) + b"\x93)R."


def test_a_missing_module_is_named_with_the_class_and_this_python() -> None:
    version = ".".join(map(str, sys.version_info[:3]))

    with pytest.raises(DecodeError) as caught:
        decode(forge("no_such_module", "Foo"), [])

    assert "No module named 'no_such_module'" in caught.value.reason
    assert f"no_such_module.Foo must be importable here, in Python {version}" in str(caught.value)


def test_a_name_missing_in_its_module_is_named() -> None:
    with pytest.raises(DecodeError, match=r"module 'decimal' has no 'Foo' here"):
        decode(forge("decimal", "Foo"), [])


def test_what_the_main_program_defines_must_move_to_a_module() -> None:
    with pytest.raises(DecodeError, match=r"Foo is defined in the program that sent it; move it into a module"):
        decode(forge("__main__", "Foo"), [])


class Saboteur:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> tuple[object, ...]:
        return detonate, (self.error,)


def detonate(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), GeneratorExit(), RecursionError("deep")])
def test_whatever_a_class_raises_while_it_is_rebuilt_is_contained(error: BaseException) -> None:
    body, buffers = encode(Saboteur(error))

    with pytest.raises(DecodeError) as caught:
        decode(body, buffers)

    assert type(error) is type(caught.value.__cause__)
    assert type(error).__name__ in caught.value.reason
    assert "in detonate" in caught.value.reason


def test_an_interrupt_is_not_contained_when_decoding() -> None:
    body, buffers = encode(Saboteur(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        decode(body, buffers)


@pytest.mark.parametrize("body", [b"", b"\x80", b"\x80\x05]", b"junk", b"\x80\x05\x97.", b"\x80\x05N"])
def test_a_damaged_body_is_an_error_of_its_own_call(body: bytes) -> None:
    with pytest.raises(DecodeError, match=r"rebuilding a value raised \w+"):
        decode(body, [])


def test_a_body_may_be_any_kind_of_bytes() -> None:
    body, _ = encode((1, {"a": None}))

    assert (1, {"a": None}) == decode(bytearray(body), [])
    assert (1, {"a": None}) == decode(memoryview(bytearray(b"head" + body))[4:], [])


def test_both_errors_can_be_pickled() -> None:
    encode_error = pickle.loads(pickle.dumps(EncodeError("a[0]", "why", "T")))
    decode_error = pickle.loads(pickle.dumps(DecodeError("why")))

    assert ("a[0]", "why", "T") == (encode_error.path, encode_error.reason, encode_error.type_name)
    assert "why" == decode_error.reason
