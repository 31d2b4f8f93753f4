"""Streams and time: limits, tasks, several workers and threads, event loops."""

from __future__ import annotations

import asyncio
import gc
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, an_environment, eventually, in_thread, pool_of
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

FUNCTIONS = Path(__file__).parents[1] / "stream_functions.py"
FOREVER = 10**9


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment() as launched:
        yield launched


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(log: Path) -> list[str]:
    return log.read_text().split("\n")[:-1] if log.exists() else []


def works(environment: ExternalEnvironment) -> bool:
    return environment.execute(FUNCTIONS, "add", (1, 2)) == 3


# ---------------------------------------------------------------- time limits


def test_a_stream_that_runs_out_of_its_time_fails(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "sleeps_after", (2,), timeout=0.2)

    assert [0, 1] == list(itertools.islice(stream, 2))
    with pytest.raises(ExecutionException, match="ran out of its time") as caught:
        next(stream)
    assert TaskFailureCategory.TIMEOUT is caught.value.failure.category
    assert works(environment)


def test_waiting_for_its_reader_is_neither_running_nor_silence() -> None:
    with an_environment(worker_timeout=0.6) as environment:
        stream = environment.stream(FUNCTIONS, "count", (6,), window=1, timeout=0.6)
        assert 0 == next(stream)
        with pytest.raises(TimeoutError):
            stream.task.wait_for(1.5)

        assert [1, 2, 3, 4, 5] == list(stream)


def test_items_are_signs_of_life_and_silence_fails_the_stream() -> None:
    with an_environment(worker_timeout=0.4) as environment:
        assert list(range(8)) == list(environment.stream(FUNCTIONS, "naps", (8, 0.1)))
        with pytest.raises(ExecutionException, match="no sign of life"):
            list(environment.stream(FUNCTIONS, "sleeps_after", (2,)))


# ------------------------------------------------------------- tasks, asyncio


def test_the_task_of_a_stream_tells_progress_and_outputs(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "reports", (5,))

    assert [0, 1, 2, 3, 4] == list(stream)
    assert ("item 4", 1.0, {"sum": 10}) == (stream.task.message, stream.task.progress, dict(stream.task.outputs))
    assert TaskStatus.COMPLETED is stream.task.status


def test_generators_run_on_the_main_thread(environment: ExternalEnvironment) -> None:
    assert [True, True] == list(environment.stream(FUNCTIONS, "threads", (2,)))


def test_streams_of_several_workers_run_at_the_same_time() -> None:
    with an_environment(max_workers=2) as environment:
        streams = [environment.stream(FUNCTIONS, "pids", (50,), window=2) for _ in range(2)]
        rows = list(zip(*streams, strict=True))

    assert 50 == len(rows)
    assert 2 == len(set(rows[0]))
    assert 1 == len(set(rows))


def test_several_threads_may_take_from_one_stream(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "count", (3000,), window=5)
    parts = [in_thread(lambda: list(stream)) for _ in range(4)]

    assert list(range(3000)) == sorted(item for part in parts for item in part())  # type: ignore[type-var]


def test_async_for_takes_the_items_while_the_loop_goes_on(environment: ExternalEnvironment) -> None:
    async def consume() -> tuple[list[object], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        items = [item async for item in environment.stream(FUNCTIONS, "naps", (5, 0.02))]
        ticking.cancel()
        return items, ticks

    items, ticks = asyncio.run(consume())

    assert [0, 1, 2, 3, 4] == items
    assert ticks > 5


def test_a_failure_is_raised_in_async_for(environment: ExternalEnvironment) -> None:
    async def consume() -> None:
        async for _ in environment.stream(FUNCTIONS, "fails_after", (2,)):
            pass

    with pytest.raises(ExecutionException, match="bad item"):
        asyncio.run(consume())


def test_leaving_async_with_closes_the_generator_and_waits_for_it(environment: ExternalEnvironment, log: Path) -> None:
    async def consume() -> None:
        async with environment.stream(FUNCTIONS, "count", (FOREVER, log), window=1) as stream:
            async for _ in stream:
                break
        assert "closed" == lines(log)[-1]
        assert TaskStatus.CANCELED is stream.task.status

    asyncio.run(consume())
    assert works(environment)


@pytest.mark.parametrize("how", ["cancel", "break", "wait_for"])
def test_leaving_async_for_early_closes_the_generator(environment: ExternalEnvironment, how: str) -> None:
    stream = environment.stream(FUNCTIONS, "sleeps_after", (2, 0.3))
    task = stream.task

    async def consume(waits: asyncio.Event) -> None:
        nonlocal stream
        items = stream
        del stream
        async for item in items:
            if how == "break":
                break
            if item == 1:
                waits.set()

    async def main() -> None:
        waits = asyncio.Event()
        if how == "wait_for":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(consume(waits), 0.1)
            return
        consumer = asyncio.ensure_future(consume(waits))
        if how == "cancel":
            await waits.wait()
            consumer.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer
        await asyncio.wait([consumer])

    asyncio.run(main())

    task.wait_for(DEADLINE)
    assert TaskStatus.CANCELED is task.status
    assert works(environment)


def test_the_event_loop_of_an_asynchronous_generator_goes_on_while_it_waits(
    environment: ExternalEnvironment, log: Path
) -> None:
    stream = environment.stream(FUNCTIONS, "ticks_while_waiting", (log,), window=1)
    eventually(lambda: stream._inbox.paused, "it waits")
    before = len(lines(log))

    eventually(lambda: len(lines(log)) > before + 3, "it ticks")
    assert [0, 1] == list(stream)


def test_a_stream_leaves_no_reference_to_its_call(environment: ExternalEnvironment) -> None:
    import weakref

    stream = environment.stream(FUNCTIONS, "count", (3,))
    forgotten = weakref.ref(stream.task)
    assert [0, 1, 2] == list(stream)
    eventually(lambda: not pool_of(environment)._roster.scheduler.unfinished, "the pool has forgotten it")
    del stream
    works(environment)
    gc.collect()

    assert forgotten() is None
