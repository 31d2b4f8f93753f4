"""What an executor promises, with callables that run in this process."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, cast

import pytest

from pools import DEADLINE, FakeManager, in_thread
from wetlands.exceptions import ExecutionException
from wetlands.internal_environment import InternalEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from wetlands.environment_manager import EnvironmentManager
    from wetlands.task import RemoteTaskHandle


class Gate:
    """A call that is held until the test lets it go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, value: object = None) -> object:
        self.begun.set()
        assert self.go.wait(DEADLINE)
        return value


@pytest.fixture
def executor() -> Iterator[Executor]:
    environment = InternalEnvironment("tested", None, cast("EnvironmentManager", FakeManager()))
    with environment, environment.executor() as made:
        yield made


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.go.set()


def test_any_callable_runs_in_this_process(executor: Executor) -> None:
    local = object()

    assert local is executor.submit(lambda: local).result(DEADLINE)
    assert 3 == executor.submit(sum, [1, 2]).result(DEADLINE)
    assert [local, local] == list(executor.map(lambda _: local, range(2), chunksize=2))


def test_what_it_raises_comes_as_an_execution_exception_with_its_cause(executor: Executor) -> None:
    error = executor.submit(divmod, 1, 0).exception(DEADLINE)

    assert isinstance(error, ExecutionException)
    assert error.failure.remote_exception is not None
    assert "ZeroDivisionError" == error.failure.remote_exception.type_name


def test_nothing_can_be_submitted_after_the_shutdown(executor: Executor) -> None:
    executor.shutdown()
    executor.shutdown()

    with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
        executor.submit(len, "a")
    with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
        executor.map(len, ["a"])


def test_the_shutdown_waits_for_what_runs_and_for_what_waits(executor: Executor, gate: Gate) -> None:
    futures = [executor.submit(gate, 1), executor.submit(gate, 2)]
    assert gate.begun.wait(DEADLINE)
    executor.shutdown(wait=False)
    down = in_thread(executor.shutdown)

    assert [False, False] == [future.done() for future in futures]
    gate.go.set()
    down()
    assert [1, 2] == [future.result(0) for future in futures]


def test_the_shutdown_can_drop_what_waits(executor: Executor, gate: Gate) -> None:
    running, *waiting = [executor.submit(gate, number) for number in range(4)]
    assert gate.begun.wait(DEADLINE)
    executor.shutdown(wait=False, cancel_futures=True)

    assert [True] * 3 == [future.cancelled() for future in waiting]
    gate.go.set()
    assert 0 == running.result(DEADLINE)


def test_a_canceled_future_is_seen_by_those_who_wait(executor: Executor, gate: Gate) -> None:
    running, waiting = executor.submit(gate), executor.submit(gate)
    assert gate.begun.wait(DEADLINE)

    assert waiting.cancel()
    assert {waiting} == wait([waiting], DEADLINE).done
    with pytest.raises(CancelledError):
        waiting.result()
    assert running.running()
    gate.go.set()


def test_map_gives_up_at_its_deadline_and_cancels_the_rest(executor: Executor, gate: Gate) -> None:
    results = executor.map(gate, range(3), timeout=0)

    with pytest.raises(FutureTimeoutError):
        next(results)
    gate.go.set()


def test_map_reads_no_further_ahead_than_its_buffer(executor: Executor) -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    results = executor.map(abs, numbers(), buffersize=3)  # type: ignore[call-arg]  # Python 3.14's
    assert [0, 1, 2] == read
    assert 0 == next(results)
    assert [0, 1, 2, 3] == read
    assert list(range(1, 100)) == list(results)


@pytest.mark.parametrize("sizes", [{"chunksize": 0}, {"chunksize": -1}, {"buffersize": 0}])
def test_map_refuses_sizes_that_mean_nothing(executor: Executor, sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="numbers from 1 up"):
        executor.map(abs, [1], **sizes)


def test_a_chunk_that_should_stop_ends_before_its_next_call(executor: Executor) -> None:
    calls = []

    def first_stops(number: int, task: RemoteTaskHandle) -> None:
        calls.append(number)
        task.cancel_requested = True

    with pytest.raises(CancelledError):
        list(executor.map(first_stops, range(3), chunksize=3))
    assert [0] == calls


def test_a_finished_call_is_forgotten(executor: Executor) -> None:
    futures = [executor.submit(abs, number) for number in range(100)]
    wait(futures, DEADLINE)
    executor.shutdown()

    assert {} == executor._unfinished  # type: ignore[attr-defined]  # ours
