"""`stream` in the program's own process: the same semantics, without copies."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, cast

import pytest

from pools import DEADLINE, FakeManager, eventually
from wetlands.exceptions import ExecutionException
from wetlands.internal_environment import InternalEnvironment
from wetlands.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.environment_manager import EnvironmentManager

SOURCE = """
made, closed = [], []

def count(number, log=None):
    try:
        for item in range(number):
            (made if log is None else log).append(item)
            yield item
    finally:
        closed.append(number)
    return f"counted to {number}"

async def counted(number):
    try:
        for item in range(number):
            yield item
    finally:
        closed.append(number)

def fails_after(number):
    yield from range(number)
    raise ValueError("bad item")

def reports(task):
    task.update("begun")
    yield task.cancel_requested

def same(value):
    return value

def closed_ones():
    return closed
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "module_in_process.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def environment() -> Iterator[InternalEnvironment]:
    with InternalEnvironment("main", None, cast("EnvironmentManager", FakeManager())) as environment:
        yield environment


@pytest.mark.parametrize("window", [1, 2, 50])
@pytest.mark.parametrize("function", ["count", "counted"])
def test_items_come_in_order(environment: InternalEnvironment, module: Path, function: str, window: int) -> None:
    assert list(range(40)) == list(environment.stream(module, function, (40,), window=window))


def test_items_are_not_copied_and_the_value_can_be_had(environment: InternalEnvironment, module: Path) -> None:
    log: list[int] = []
    stream = environment.stream(module, "count", (3,), {"log": log})

    assert [0, 1, 2] == list(stream)
    assert ([0, 1, 2], "counted to 3") == (log, stream.value)
    assert log is next(environment.stream(module, "same", ([log],)))


def test_the_generator_is_never_further_ahead_than_the_window(environment: InternalEnvironment, module: Path) -> None:
    log: list[int] = []
    stream = environment.stream(module, "count", (10**9, log), window=3)
    assert 0 == next(stream)
    eventually(lambda: stream._inbox.paused, "it waits")

    assert len(log) <= 4
    stream.close()
    stream.task.wait_for(DEADLINE)


@pytest.mark.parametrize("how", ["with", "forget", "cancel", "exit"])
@pytest.mark.parametrize("function", ["count", "counted"])
def test_an_early_end_closes_the_generator(
    environment: InternalEnvironment, module: Path, function: str, how: str
) -> None:
    stream = environment.stream(module, function, (10**9,), window=2)
    task = stream.task
    assert 0 == next(stream)
    if how == "with":
        with stream:
            assert 1 == next(stream)
    elif how == "forget":
        del stream
    elif how == "cancel":
        task.cancel()
        with pytest.raises(CancelledError):
            list(stream)
    else:
        environment.exit()

    task.wait_for(DEADLINE)
    assert TaskStatus.CANCELED is task.status
    assert [10**9] == environment.execute(module, "closed_ones")


def test_a_failure_is_raised_after_the_items_before_it(environment: InternalEnvironment, module: Path) -> None:
    stream = environment.stream(module, "fails_after", (2,))

    assert [0, 1] == [next(stream), next(stream)]
    with pytest.raises(ExecutionException, match="bad item"):
        next(stream)


def test_a_single_value_is_refused(environment: InternalEnvironment, module: Path) -> None:
    with pytest.raises(ExecutionException, match=r"call it with execute\(\)"):
        next(environment.stream(module, "same", (3,)))


def test_the_generator_receives_the_handle(environment: InternalEnvironment, module: Path) -> None:
    stream = environment.stream(module, "reports")

    assert [False] == list(stream)
    assert "begun" == stream.task.message


def test_async_for_takes_the_items(environment: InternalEnvironment, module: Path) -> None:
    async def consume() -> list[object]:
        return [item async for item in environment.stream(module, "counted", (20,), window=2)]

    assert list(range(20)) == asyncio.run(consume())


def test_a_time_limit_is_refused(environment: InternalEnvironment, module: Path) -> None:
    with pytest.raises(ValueError, match="timeout"):
        environment.stream(module, "count", (1,), timeout=1)
    with pytest.raises(ValueError, match="window"):
        environment.stream(module, "count", (1,), window=0)
