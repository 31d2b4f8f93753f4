"""`map(chunksize=)`: so many items are one task on one worker, and still each call fails by itself."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, pids, pool_of
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment(max_workers=2) as launched:
        yield launched


@pytest.mark.parametrize("chunksize", [1, 2, 7, 1000, 10**9])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
@pytest.mark.parametrize("ordered", [True, False])
def test_every_item_has_its_result(environment: ExternalEnvironment, count: int, chunksize: int, ordered: bool) -> None:
    results = list(environment.map(FUNCTIONS, "add_one", range(count), chunksize=chunksize, ordered=ordered))

    assert list(range(1, count + 1)) == (results if ordered else sorted(cast("list[int]", results)))


def test_a_chunk_runs_on_one_worker(environment: ExternalEnvironment) -> None:
    results = list(environment.map(FUNCTIONS, "pid_for", range(100), chunksize=50))

    assert 1 == len(set(results[:50]))
    assert 1 == len(set(results[50:]))


def outcome(results: Iterator[object]) -> tuple[list[object], BaseException]:
    """What came before the failure, and the failure."""
    seen: list[object] = []
    try:
        for result in results:
            seen.append(result)  # noqa: PERF402 - extend() would lose what came before the failure
    except (ExecutionException, CancelledError, TimeoutError) as error:
        return seen, error
    raise AssertionError("it does not fail")


def test_what_came_before_a_failure_is_yielded_and_the_failure_is_that_of_its_item(
    environment: ExternalEnvironment,
) -> None:
    seen, error = outcome(environment.map(FUNCTIONS, "inverse", [1, 2, 4, 0, 5, 0], chunksize=5))

    assert [1.0, 0.5, 0.25] == seen
    assert isinstance(error, ExecutionException)
    assert error.failure.remote_exception is not None
    assert "ZeroDivisionError" == error.failure.remote_exception.type_name
    assert "pool_functions:inverse" == error.failure.call_target
    assert "in inverse" in str(error.failure.traceback)
    assert error.failure.worker is not None
    eventually(lambda: not pool_of(environment)._roster.scheduler.unfinished, "nothing runs on")


def test_an_item_that_cannot_be_sent_fails_in_its_turn(environment: ExternalEnvironment) -> None:
    seen, error = outcome(environment.map(FUNCTIONS, "echo", [1, 2, threading.Lock(), 4], chunksize=3))

    assert [1, 2] == seen
    assert isinstance(error, ExecutionException)
    assert TaskFailureCategory.SERIALIZATION is error.failure.category


def test_a_result_that_cannot_be_sent_fails_in_its_turn(environment: ExternalEnvironment) -> None:
    seen, error = outcome(environment.map(FUNCTIONS, "unsendable_from", [0, 1, 2, 3], chunksize=4))

    assert [0, 1] == seen
    assert isinstance(error, ExecutionException)
    assert (TaskFailureCategory.SERIALIZATION, "result") == (
        error.failure.category,
        error.failure.serialization_context,
    )


def test_a_worker_that_dies_takes_its_chunk_and_no_other(environment: ExternalEnvironment) -> None:
    seen, error = outcome(environment.map(FUNCTIONS, "dies_at", [(n, 25) for n in range(60)], chunksize=10))

    assert list(range(20)) == seen
    assert isinstance(error, ExecutionException)
    assert TaskFailureCategory.WORKER_DIED is error.failure.category
    assert [1] == list(environment.map(FUNCTIONS, "echo", [1], chunksize=10))


def test_a_chunk_has_the_time_of_all_its_calls(environment: ExternalEnvironment) -> None:
    naps = [0.05] * 10
    assert naps == list(environment.map(FUNCTIONS, "naps", naps, chunksize=10, call_timeout=0.2))

    _, error = outcome(environment.map(FUNCTIONS, "naps", [DEADLINE] * 2, chunksize=2, call_timeout=0.1))
    assert isinstance(error, ExecutionException)
    assert (TaskFailureCategory.TIMEOUT, 0.2) == (error.failure.category, error.failure.timeout)


def test_a_time_for_all_ends_the_waiting(environment: ExternalEnvironment) -> None:
    _, error = outcome(environment.map(FUNCTIONS, "naps", [0.1] * 100, chunksize=50, timeout=0.2))

    assert isinstance(error, TimeoutError)
    eventually(lambda: not pool_of(environment)._roster.scheduler.unfinished, "chunks stop between two calls")


def test_who_gives_up_early_stops_chunks_between_two_calls(environment: ExternalEnvironment, tmp_path: Path) -> None:
    results = environment.map(FUNCTIONS, "touches", [str(tmp_path / str(n)) for n in range(2000)], chunksize=1000)
    eventually(lambda: any(tmp_path.iterdir()), "it has begun")
    cast("Any", results).close()

    assert [] == list(results)
    eventually(lambda: not pool_of(environment)._roster.scheduler.unfinished, "nothing runs on")
    assert len(list(tmp_path.iterdir())) < 2000


def test_arrays_and_large_values_cross_in_chunks(environment: ExternalEnvironment) -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.full(50_000, n) for n in range(6)]

    for n, result in enumerate(environment.map(FUNCTIONS, "echo", arrays, chunksize=3)):
        assert (arrays[n] == result).all()


def test_chunks_of_several_threads_do_not_mix(environment: ExternalEnvironment) -> None:
    def mapped(start: int) -> list[object]:
        return list(environment.map(FUNCTIONS, "add_one", range(start, start + 5000), chunksize=100))

    threads = [in_thread(lambda start=start: mapped(start)) for start in (0, 10_000, 20_000)]  # type: ignore[misc]  # early bound
    for start, finish in zip((0, 10_000, 20_000), threads, strict=True):
        assert list(range(start + 1, start + 5001)) == finish()


def test_every_item_is_accounted_for_while_workers_are_killed(environment: ExternalEnvironment) -> None:
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.1):
            with suppress(ProcessLookupError, IndexError):
                os.kill(pids(environment)[0], signal.SIGKILL)

    failures, complete = [], 0
    finish = in_thread(kill)
    try:
        for _ in range(10):
            seen = []
            try:
                for result in environment.map(FUNCTIONS, "add_one", range(3000), chunksize=100):
                    seen.append(result)  # noqa: PERF402 - what came before a failure counts
            except ExecutionException as error:
                failures.append(error.failure.category)
            assert 0 == len(seen) % 100
            assert list(range(1, len(seen) + 1)) == seen
            complete += len(seen) == 3000
        assert {TaskFailureCategory.WORKER_DIED} >= set(failures)
        assert 10 == complete + len(failures)
    finally:
        over.set()
        finish()


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "2"])
def test_a_chunksize_that_is_no_number_is_refused(environment: ExternalEnvironment, wrong: object) -> None:
    with pytest.raises(ValueError, match="chunksize is a number of items from 1 up"):
        environment.map(FUNCTIONS, "echo", [1], chunksize=wrong)  # type: ignore[arg-type]  # which is the point
