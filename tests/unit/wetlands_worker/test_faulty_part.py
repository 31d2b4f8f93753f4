"""A value that cannot be sent says which part of it and why, whatever it is made of."""

from __future__ import annotations

import collections
import functools
import gc
import threading
import weakref
from typing import NamedTuple

import numpy as np
import pytest

from wetlands_worker.values import EncodeError, encode


class Box:
    def __init__(self, content: object) -> None:
        self.content = content

    def method(self) -> None: ...


class SlottedBox:
    __slots__ = ("content",)

    def __init__(self, content: object) -> None:
        self.content = content


class NamedBox(NamedTuple):
    label: str
    content: object


class DictBox(dict[str, object]):
    content: object


class Raising:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> tuple[object, ...]:
        raise self.error


class Hiding:
    """What cannot be sent is made while it is sent."""

    def __getstate__(self) -> dict[str, object]:
        return {"hidden": threading.Lock()}


class Endless:
    def __reduce__(self) -> tuple[object, ...]:
        return Box, (Endless(),)


class Half:
    """Its own part of the pickle fails after its items were fine."""

    def __init__(self) -> None:
        self.boxes = [Box(1), Box(2), Box(3)]

    def __reduce__(self) -> tuple[object, ...]:
        return list, (), None, self.items()

    def items(self) -> collections.abc.Iterator[object]:
        yield from self.boxes
        raise ValueError("no more")


LOCK = threading.Lock()


def keyed_box() -> DictBox:
    box = DictBox(a=1)
    box.content = LOCK
    return box


def error_of(value: object, name: str | tuple[str, ...] = "value") -> EncodeError:
    with pytest.raises(EncodeError) as caught:
        encode(value, name=name)
    return caught.value


OBJECTS = np.array([[None, 1], [LOCK, 2]], dtype=object)
FIELDS = np.array([(1, LOCK)], dtype=[("a", "i4"), ("b", "O")])


@pytest.mark.parametrize(
    "value, path",
    [
        (LOCK, "value"),
        ([1, [2, LOCK]], "value[1][1]"),
        ((LOCK,), "value[0]"),
        ({"a": {3: LOCK}}, "value['a'][3]"),
        ({LOCK: 1}, "value.keys()[0]"),
        ({(1, 2): LOCK}, "value[<tuple>]"),
        ({"x" * 100: LOCK}, f"value['{'x' * 59}...]"),
        ({LOCK}, "value{0}"),
        (frozenset([LOCK]), "value{0}"),
        (collections.deque([1, LOCK]), "value[1]"),
        (Box([Box(LOCK)]), "value.content[0].content"),
        (SlottedBox({"k": LOCK}), "value.content['k']"),
        (NamedBox("a", LOCK), "value.content"),
        (keyed_box(), "value.content"),
        (functools.partial(print, 1, key=LOCK), "value.keywords['key']"),
        (Box(LOCK).method, "value.__self__.content"),
        (ValueError("a", LOCK), "value.args[1]"),
        (OBJECTS, "value.flat[2]"),
        (OBJECTS[:, 0], "value[1]"),
        (FIELDS, "value['b'][0]"),
        (Box(Hiding()), "value.content"),
        ([[1], Half()], "value[1]"),
        ([0] * 100_000 + [Box(LOCK)], "value[100000].content"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_path_leads_to_the_part_that_cannot_be_sent(value: object, path: str) -> None:
    assert path == error_of(value).path


def test_the_path_starts_with_the_name_of_the_value() -> None:
    assert "result.content[3]" == error_of(Box([1, 2, 3, LOCK]), "result").path


def test_each_item_of_a_tuple_can_have_its_own_name() -> None:
    names = ("args", "kwargs")

    assert "args[0]['callback'][2]" == error_of((({"callback": [1, 2, LOCK]},), {}), names).path
    assert "kwargs['lock']" == error_of(((1,), {"lock": LOCK}), names).path
    assert "(args, kwargs)" == error_of((Fickle(), {}), names).path


def test_the_sentence_names_path_type_and_reason() -> None:
    error = error_of([LOCK])

    assert "_thread.lock" == error.type_name
    assert str(error).startswith(
        "value[0] (of type _thread.lock) cannot be sent: TypeError: cannot pickle '_thread.lock'"
    )
    assert "create it on the side that uses it" in error.reason


def test_a_local_function_is_told_to_move_to_a_module() -> None:
    error = error_of({"callback": lambda: None})

    assert ("value['callback']", "function") == (error.path, error.type_name)
    assert "functions cross by name" in error.reason
    assert "top level of a module" in error.reason


def test_an_instance_of_a_local_class_is_told_the_same() -> None:
    class Local: ...

    error = error_of([Local()])

    assert "value[0]" == error.path
    assert "classes cross by name" in error.reason


def test_a_value_inside_a_cycle_is_found() -> None:
    cycle: list[object] = []
    cycle.append({"again": cycle, "lock": LOCK})

    assert "value[0]['lock']" == error_of(cycle).path


def test_too_deep_nesting_is_an_error_and_not_a_crash() -> None:
    nested: list[object] = []
    for _ in range(200_000):
        nested = [nested]

    error = error_of(nested)

    assert "nested deeper" in error.reason
    assert error.path.startswith("value[0][0]")
    assert "more)..." in error.path
    while nested:  # taken apart by hand: not every Python frees such a thing without recursion
        nested = nested.pop()  # type: ignore[assignment]


def test_a_reduction_without_end_is_an_error_and_not_a_crash() -> None:
    assert "nested deeper" in error_of([Endless()]).reason


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), GeneratorExit(), MemoryError()])
def test_whatever_a_class_raises_while_it_is_sent_is_contained(error: BaseException) -> None:
    caught = error_of([Raising(error)])

    assert caught.path == ("value" if isinstance(error, MemoryError) else "value[0]")
    assert error is caught.__cause__


def test_an_interrupt_is_not_contained() -> None:
    with pytest.raises(KeyboardInterrupt):
        encode([Raising(KeyboardInterrupt())])


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> object:
        raise SystemExit(name)

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        raise SystemExit(3)


def test_a_value_that_raises_whatever_it_is_asked_is_contained() -> None:
    assert error_of([1, Hostile()]).path.startswith("value")


class Fickle:
    """Fails once."""

    failed = False

    def __reduce__(self) -> tuple[object, ...]:
        if not self.failed:
            self.failed = True
            raise ValueError("only now")
        return int, ()


def test_a_failure_that_does_not_repeat_is_reported_for_the_whole() -> None:
    error = error_of([1, Fickle()])

    assert "value" == error.path
    assert "only now" in error.reason


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("mute")


def test_an_error_that_cannot_say_what_it_is_is_named_by_its_type() -> None:
    assert "Mute" in error_of([Raising(MuteError())]).reason


def test_nothing_of_the_value_is_kept_when_the_error_is_gone() -> None:
    box = Box(LOCK)
    watch = weakref.ref(box)

    error: EncodeError | None = error_of([box])
    assert error is not None
    del box, error
    gc.collect()

    assert watch() is None


def test_one_failure_does_not_disturb_the_next_value() -> None:
    error_of([LOCK])

    body, buffers = encode([1, 2])

    assert body
    assert [] == buffers
