"""How a worker runs what gives items one by one, without a worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from pools import DEADLINE
from wetlands_worker.handle import RemoteTaskHandle
from wetlands_worker.streaming import Credits, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator


class Silent:
    """A reporter that is never asked."""


def a_handle() -> RemoteTaskHandle:
    return RemoteTaskHandle(1, cast("Any", Silent()))


def streamed(function: Callable[..., object], *args: object, credits_: int = 100) -> tuple[list[object], object]:
    sent: list[object] = []
    value = run(function, args, {}, a_handle(), Credits(1, credits_), sent.append)
    return sent, value


def test_a_generator_gives_its_items_and_its_value() -> None:
    def generator() -> Generator[int, None, str]:
        yield 1
        yield 2
        return "value"

    assert ([1, 2], "value") == streamed(generator)


def test_an_asynchronous_generator_gives_its_items() -> None:
    async def generator() -> AsyncIterator[int]:
        yield 1
        yield 2

    assert ([1, 2], None) == streamed(generator)


def test_a_coroutine_function_that_gives_something_iterable_is_awaited() -> None:
    async def coroutine() -> list[int]:
        return [1, 2]

    assert ([1, 2], None) == streamed(coroutine)


def test_a_generator_receives_the_handle() -> None:
    def generator(task: object) -> Iterator[str]:
        yield type(task).__name__

    assert (["RemoteTaskHandle"], None) == streamed(generator)


@pytest.mark.parametrize(
    "made", [range(2), (0, 1), iter([0, 1]), {0: "a", 1: "b"}.keys()], ids=lambda made: str(type(made))
)
def test_what_is_iterable_gives_its_items(made: object) -> None:
    assert ([0, 1], None) == streamed(lambda: made)


def test_an_iterable_whose_iteration_fails_says_what_it_says() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise TypeError("its own problem")

    with pytest.raises(TypeError, match="its own problem"):
        streamed(Broken)


@pytest.mark.parametrize(
    "value",
    [None, 1, "text", b"bytes", bytearray(), memoryview(b""), {"a": 1}, object()],
    ids=lambda value: type(value).__name__,
)
def test_a_single_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"returned one value, of type .*; call it with execute\(\)"):
        streamed(lambda: value)


def test_no_item_is_made_before_there_is_credit_for_it() -> None:
    made: list[int] = []
    credits_ = Credits(1, 2)
    handle = a_handle()

    def generator() -> Iterator[int]:
        for item in range(5):
            made.append(item)
            yield item

    sent: list[object] = []
    two, three = threading.Event(), threading.Event()

    def send(item: object) -> None:
        sent.append(item)
        {2: two, 3: three}.get(len(sent), threading.Event()).set()

    thread = threading.Thread(target=run, args=(generator, (), {}, handle, credits_, send))
    thread.start()
    assert two.wait(DEADLINE)
    assert [0, 1] == made
    credits_.grant(1)
    assert three.wait(DEADLINE)
    assert [0, 1, 2] == made
    credits_.grant(10)
    thread.join(DEADLINE)

    assert [0, 1, 2, 3, 4] == sent


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_task_that_is_to_stop_closes_its_generator_while_it_waits(*, asynchronous: bool) -> None:
    closed: list[object] = []
    handle = a_handle()
    credits_ = Credits(1, 1)

    def generator() -> Iterator[int]:
        try:
            yield 0
            yield 1
        finally:
            closed.append("closed")

    async def asynchronous_generator() -> AsyncIterator[int]:
        try:
            yield 0
            yield 1
        finally:
            closed.append("closed")

    sent = threading.Event()
    function = asynchronous_generator if asynchronous else generator
    thread = threading.Thread(target=run, args=(function, (), {}, handle, credits_, lambda _: sent.set()))
    thread.start()
    assert sent.wait(DEADLINE)
    handle.cancel_requested = True
    credits_.wake()
    thread.join(DEADLINE)

    assert ["closed"] == closed
    assert handle._finish()


def test_a_generator_is_closed_when_an_item_cannot_be_sent() -> None:
    closed: list[object] = []

    def generator() -> Iterator[int]:
        try:
            yield 0
        finally:
            closed.append("closed")

    def send(item: object) -> None:
        raise OSError("the host has gone")

    with pytest.raises(OSError, match="the host has gone"):
        run(generator, (), {}, a_handle(), Credits(1, 1), send)
    assert ["closed"] == closed


def test_what_a_generator_raises_when_it_is_closed_is_its_failure() -> None:
    handle = a_handle()
    handle.cancel_requested = True

    def generator() -> Iterator[int]:
        try:
            yield 0
        finally:
            raise ValueError("cannot tidy up")

    def begun() -> Iterator[int]:
        iterator = generator()
        next(iterator)
        return iterator

    with pytest.raises(ValueError, match="cannot tidy up"):
        run(begun, (), {}, handle, Credits(1, 1), lambda _: None)
    assert not handle._finish()
