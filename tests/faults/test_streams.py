"""`stream`: items while they are made, a bounded window, early ends of every kind, failures."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import signal
from concurrent.futures import CancelledError, InvalidStateError
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, an_environment, eventually, in_thread, pids
from wetlands.exceptions import ExecutionException, NotLaunchedError
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


@pytest.mark.parametrize("window", [1, 2, 3, 16, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 17, 500])
@pytest.mark.parametrize("function", ["count", "count_asynchronously"])
def test_items_come_in_order_whatever_the_window(
    environment: ExternalEnvironment, function: str, count: int, window: int
) -> None:
    assert list(range(count)) == list(environment.stream(FUNCTIONS, function, (count,), window=window))


def test_the_value_that_the_generator_returned_can_be_had(environment: ExternalEnvironment) -> None:
    def delegating() -> Iterator[object]:
        value = yield from environment.stream(FUNCTIONS, "count", (3,))
        yield value

    stream = environment.stream(FUNCTIONS, "count", (2,))
    with pytest.raises(InvalidStateError):
        environment.stream(FUNCTIONS, "sleeps_after", (1, 0.1)).value  # noqa: B018 - it raises

    assert [0, 1] == list(stream)
    assert "counted to 2" == stream.value
    assert [0, 1, 2, "counted to 3"] == list(delegating())


def test_what_is_iterable_is_a_stream_and_a_single_value_is_refused(environment: ExternalEnvironment) -> None:
    assert [1, "two"] == list(environment.stream(FUNCTIONS, "list_of", (1, "two")))
    assert [1, "two"] == list(environment.stream(FUNCTIONS, "iterator_of", (1, "two")))
    for value in (3, None, "text", b"bytes", {"a": 1}):
        with pytest.raises(ExecutionException, match=r"one_value returned one value.*call it with execute\(\)"):
            list(environment.stream(FUNCTIONS, "one_value", (value,)))


def test_execute_of_a_generator_function_says_what_to_do(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException, match=r"call the function that makes it with stream\(\)"):
        environment.execute(FUNCTIONS, "count", (3,))
    with pytest.raises(ExecutionException, match=r"use stream\(\), or let it return a list"):
        environment.execute(FUNCTIONS, "count_asynchronously", (3,))


@pytest.mark.parametrize("window", [1, 4, 7])
def test_the_generator_is_never_further_ahead_than_the_window(
    environment: ExternalEnvironment, log: Path, window: int
) -> None:
    stream = environment.stream(FUNCTIONS, "count", (FOREVER, log), window=window)
    for taken in range(30):
        assert taken == next(stream)
        assert len(lines(log)) <= taken + 1 + window
    eventually(lambda: stream._inbox.paused, "all credits are spent")

    assert len(lines(log)) <= 30 + window
    stream.close()


def test_it_begins_before_anything_is_asked_for(environment: ExternalEnvironment, log: Path) -> None:
    stream = environment.stream(FUNCTIONS, "count", (2, log))

    eventually(lambda: "closed" in lines(log), "the generator has ended")
    assert [0, 1] == list(stream)


def test_arrays_and_large_items_cross(environment: ExternalEnvironment) -> None:
    numpy = pytest.importorskip("numpy")
    sizes = [0, 10, 5000, 70_000, 3_000_000]

    assert sizes == [len(item) for item in environment.stream(FUNCTIONS, "bytes_of", (sizes,))]  # type: ignore[arg-type]
    for index, array in enumerate(environment.stream(FUNCTIONS, "arrays", (20, 50_000), window=3)):
        assert numpy.array_equal(numpy.full(50_000, index, dtype="int32"), array)


def test_an_array_that_the_generator_writes_anew_arrives_as_it_was_when_it_was_yielded(
    environment: ExternalEnvironment,
) -> None:
    pytest.importorskip("numpy")
    arrays = list(environment.stream(FUNCTIONS, "one_array_again_and_again", (12,), window=12))

    assert [(index, index) for index in range(12)] == [(array.min(), array.max()) for array in arrays]  # type: ignore[attr-defined]


# ------------------------------------------------------------------ early ends


@pytest.mark.parametrize("function", ["count", "count_asynchronously"])
@pytest.mark.parametrize("window", [1, 64])
@pytest.mark.parametrize("how", ["break", "close", "with", "exception", "forget", "cancel"])
def test_an_early_end_closes_the_generator(
    environment: ExternalEnvironment, log: Path, function: str, window: int, how: str
) -> None:
    stream = environment.stream(FUNCTIONS, function, (FOREVER, log), window=window)
    task = stream.task
    assert 0 == next(stream)
    if how == "break":
        for _ in stream:
            break
        del stream
    elif how == "close":
        stream.close()
        assert [] == list(stream)
    elif how == "with":
        with stream:
            next(stream)
        assert "closed" == lines(log)[-1]
    elif how == "exception":
        with pytest.raises(ZeroDivisionError), stream:
            1 / 0  # noqa: B018 - it raises
    elif how == "forget":
        del stream
        gc.collect()
    else:
        task.cancel()
        with pytest.raises(CancelledError):
            list(stream)

    task.wait_for(DEADLINE)
    assert TaskStatus.CANCELED is task.status
    assert "closed" == lines(log)[-1]
    assert works(environment)


def test_a_stream_that_waits_for_a_worker_is_dropped_when_it_is_closed(
    environment: ExternalEnvironment, log: Path
) -> None:
    with environment.stream(FUNCTIONS, "count", (FOREVER,)):
        queued = environment.stream(FUNCTIONS, "count", (3, log))
        queued.close()
        assert [] == list(queued)
        assert TaskStatus.CANCELED is queued.task.status

    assert works(environment)
    assert [] == lines(log)


def test_a_generator_that_computes_learns_that_its_stream_was_closed(
    environment: ExternalEnvironment, log: Path
) -> None:
    with environment.stream(FUNCTIONS, "spins_until_canceled", (log,)) as stream:
        assert 0 == next(stream)
        eventually(lambda: stream.task.message == "spins", "it computes")

    assert ["saw it"] == lines(log)


def test_a_generator_that_does_not_look_is_ended_by_force(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "sleeps_after", (1,))
    assert 0 == next(stream)
    eventually(lambda: "time.sleep" in stream.task.stack(), "it sleeps")

    stream.close(force_after=0.01)

    stream.task.wait_for(DEADLINE)
    assert TaskStatus.CANCELED is stream.task.status
    assert works(environment)


@pytest.mark.parametrize("function", ["fails_when_closed", "ignores_its_close"])
def test_what_a_generator_raises_when_it_is_closed_is_told_to_the_log(
    environment: ExternalEnvironment, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "wetlands")
    with environment.stream(FUNCTIONS, function, window=1) as stream:
        assert 0 == next(stream)

    eventually(lambda: "failed after its stream was closed" in caplog.text, "it is told")
    assert works(environment)


def test_a_closed_stream_gives_nothing_any_more(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "count", (3,))
    eventually(lambda: stream.task.status is TaskStatus.COMPLETED, "it has ended")
    stream.close()
    stream.close()

    assert [] == list(stream)
    assert "counted to 3" == stream.value


# -------------------------------------------------------------------- failures


def test_a_failure_is_raised_after_the_items_before_it_and_once(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "fails_after", (40,))
    seen: list[object] = []
    with pytest.raises(ExecutionException, match="Remote ValueError from stream_functions: bad item") as caught:
        seen.extend(iter(lambda: next(stream), FOREVER))

    assert list(range(40)) == seen
    assert 'raise ValueError("bad item") from KeyError("cause")' in str(caught.value.failure.traceback)
    assert "in fails_after" in str(caught.value.__cause__)
    assert [] == list(stream)


def test_a_function_that_fails_before_its_first_item_fails_the_stream(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException, match="no stream"):
        next(environment.stream(FUNCTIONS, "fails_at_once"))


def test_an_item_that_cannot_cross_fails_the_stream_and_closes_the_generator(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "unsendable_item")
    assert 0 == next(stream)
    with pytest.raises(ExecutionException, match=r"item \(of type function\) cannot be sent") as caught:
        next(stream)

    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
    assert works(environment)


def test_an_argument_that_cannot_cross_fails_the_stream(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException, match=r"args\[0\]") as caught:
        next(environment.stream(FUNCTIONS, "count", ((item for item in "ab"),)))

    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category


def test_a_worker_that_dies_fails_its_stream_after_the_items_that_came(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "dies_after", (3,))

    assert [0, 1, 2] == list(itertools.islice(stream, 3))
    with pytest.raises(ExecutionException, match="died with signal 9") as caught:
        next(stream)
    assert TaskFailureCategory.WORKER_DIED is caught.value.failure.category
    assert works(environment)


def test_a_worker_that_is_killed_while_it_waits_for_credit_fails_its_stream(environment: ExternalEnvironment) -> None:
    stream = environment.stream(FUNCTIONS, "count", (FOREVER,), window=2)
    assert 0 == next(stream)
    os.kill(pids(environment)[0], signal.SIGKILL)

    with pytest.raises(ExecutionException, match="died with signal 9"):
        in_thread(lambda: list(stream))()
    assert works(environment)


def test_a_stream_whose_environment_is_exited_fails_and_its_generator_is_closed(log: Path) -> None:
    with an_environment() as environment:
        stream = environment.stream(FUNCTIONS, "count", (FOREVER, log), window=2)
        assert 0 == next(stream)

    with pytest.raises(ExecutionException, match="was exited while"):
        in_thread(lambda: list(stream))()
    assert "closed" == lines(log)[-1]
    with pytest.raises(NotLaunchedError):
        environment.stream(FUNCTIONS, "count", (1,))


def test_a_generator_that_forks_sends_its_own_items_only(environment: ExternalEnvironment) -> None:
    assert [0, 1, 2] == list(environment.stream(FUNCTIONS, "forks_inside", (3,)))


@pytest.mark.parametrize("window", [0, -1, 2.5, True, None])
def test_a_window_that_is_no_number_of_items_is_refused(environment: ExternalEnvironment, window: object) -> None:
    with pytest.raises(ValueError, match="window is a number of items from 1 up"):
        environment.stream(FUNCTIONS, "count", (1,), window=window)  # type: ignore[arg-type]


def test_a_generator_function_of_an_imported_module_streams(environment: ExternalEnvironment) -> None:
    module = environment.import_module(FUNCTIONS)
    with module.count(FOREVER) as items:
        assert [0, 1, 2] == list(itertools.islice(items, 3))
    assert list(range(5)) == list(module.count_asynchronously(5))
    assert 3 == module.add(1, 2)
