"""`map`: results in order or as they come, a bounded window, the first failure, giving up early."""

from __future__ import annotations

import gc
import itertools
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, pool_of
from wetlands.exceptions import ExecutionException, NotLaunchedError
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def environment(request: pytest.FixtureRequest) -> Iterator[ExternalEnvironment]:
    with an_environment(max_workers=request.param) as launched:
        yield launched


def idle(environment: ExternalEnvironment) -> bool:
    scheduler = pool_of(environment)._roster.scheduler
    return not scheduler.unfinished


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
@pytest.mark.parametrize("kind", ["list", "generator"])
def test_results_come_in_the_order_of_the_items(environment: ExternalEnvironment, count: int, kind: str) -> None:
    items = range(count) if kind == "list" else (number for number in range(count))

    assert list(range(count)) == list(environment.map(FUNCTIONS, "echo", items))


def test_results_come_as_they_are_completed_when_order_does_not_matter(tmp_path: Path) -> None:
    paths = [str(tmp_path / "late"), str(tmp_path / "early")]
    (tmp_path / "early").touch()
    with an_environment(max_workers=2) as environment:
        results = environment.map(FUNCTIONS, "wait_for_file", paths, ordered=False)

        assert paths[1] == next(results)
        (tmp_path / "late").touch()
        assert [paths[0]] == list(results)


def test_every_result_comes_once_without_order_too(environment: ExternalEnvironment) -> None:
    assert list(range(2000)) == sorted(environment.map(FUNCTIONS, "echo", range(2000), ordered=False))  # type: ignore[type-var]  # numbers


def test_an_endless_iterable_is_read_in_a_bounded_window(environment: ExternalEnvironment) -> None:
    read = itertools.count()
    taken = 0
    for result in environment.map(FUNCTIONS, "echo", read):
        taken += 1
        if result == 500:
            break

    assert next(read) <= taken + 3 * 128 * environment.worker_count


def test_the_first_calls_begin_before_anything_is_asked_for(environment: ExternalEnvironment, tmp_path: Path) -> None:
    results = environment.map(FUNCTIONS, "touch", [str(tmp_path / "begun")])

    eventually((tmp_path / "begun").exists, "the call runs")
    assert 1 == len(list(results))


@pytest.mark.parametrize("ordered", [True, False])
def test_the_first_failure_is_raised_and_the_rest_is_canceled(environment: ExternalEnvironment, ordered: bool) -> None:
    items = [1, 2, 3, "no number", *range(10_000)]
    results = environment.map(FUNCTIONS, "add_one", items, ordered=ordered)
    seen: list[object] = []
    with pytest.raises(ExecutionException, match="TypeError"):
        seen.extend(results)

    if ordered:
        assert [2, 3, 4] == seen
    with pytest.raises(StopIteration):
        next(results)
    eventually(lambda: idle(environment), "nothing is left of it")
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


@pytest.mark.parametrize("ordered", [True, False])
def test_an_item_that_cannot_be_sent_fails_when_its_turn_comes(environment: ExternalEnvironment, ordered: bool) -> None:
    results = environment.map(FUNCTIONS, "echo", [1, 2, threading.Lock(), 3], ordered=ordered)
    seen: list[object] = []
    with pytest.raises(ExecutionException) as caught:
        seen.extend(results)

    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
    if ordered:
        assert [1, 2] == seen


def test_an_error_of_the_iterable_comes_through(environment: ExternalEnvironment) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("of the iterable")

    with pytest.raises(ZeroDivisionError, match="of the iterable"):
        list(environment.map(FUNCTIONS, "echo", items()))

    eventually(lambda: idle(environment), "nothing is left of it")


def test_what_is_no_iterable_is_refused_at_once(environment: ExternalEnvironment) -> None:
    with pytest.raises(TypeError, match="iterable"):
        environment.map(FUNCTIONS, "echo", 5)  # type: ignore[arg-type]  # which is the point
    gc.collect()


def test_a_timeout_ends_the_wait_and_cancels_the_rest(environment: ExternalEnvironment, tmp_path: Path) -> None:
    record = tmp_path / "record"
    calls = [str(tmp_path / "never"), *["x"] * 5]
    results = environment.map(FUNCTIONS, "waits_or_records", [(call, str(record)) for call in calls], timeout=0.2)
    with pytest.raises(TimeoutError, match=r"map.*0\.2"):
        next(results)

    eventually(lambda: idle(environment), "the waiting call has heard of it")
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize("give_up", ["close", "forget"])
def test_what_is_left_is_canceled_when_the_iterator_is_given_up(
    environment: ExternalEnvironment, tmp_path: Path, give_up: str
) -> None:
    results = environment.map(FUNCTIONS, "until_canceled_or", [tmp_path / str(number) for number in range(1000)])
    if give_up == "close":
        results.close()  # type: ignore[attr-defined]  # iterators of map have it, as generators do
    del results

    eventually(lambda: idle(environment), "nothing is left of it")
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def test_an_iterator_may_be_forgotten_where_the_lock_of_the_pool_is_held(
    environment: ExternalEnvironment, tmp_path: Path
) -> None:
    """As the garbage collector does it: it runs at any allocation."""
    held = [environment.map(FUNCTIONS, "until_canceled_or", [tmp_path / str(number) for number in range(100)])]

    def forget() -> None:
        with pool_of(environment)._roster.lock:
            held.clear()

    in_thread(forget)()
    eventually(lambda: idle(environment), "nothing is left of it")


def test_several_threads_map_at_the_same_time(environment: ExternalEnvironment) -> None:
    maps = [in_thread(lambda: list(environment.map(FUNCTIONS, "echo", range(2000)))) for _ in range(4)]

    for finish in maps:
        assert list(range(2000)) == finish()


def test_other_calls_get_their_turn_while_a_long_map_runs(environment: ExternalEnvironment) -> None:
    mapped = in_thread(lambda: sum(1 for _ in environment.map(FUNCTIONS, "echo", range(20_000))))
    for number in range(50):
        assert number == environment.execute(FUNCTIONS, "echo", (number,))

    assert 20_000 == mapped()


def test_short_calls_behind_a_long_one_run_elsewhere(tmp_path: Path) -> None:
    """They were sent in a batch because those before were short; the long one must not keep them."""
    go = tmp_path / "go"
    items = [*["short"] * 500, str(go), *["short"] * 500]
    with an_environment(max_workers=2) as environment:
        results = environment.map(FUNCTIONS, "waits_if_path", items, ordered=False)
        got = [next(results) for _ in range(1000)]
        assert ["short"] * 1000 == got
        go.touch()

        assert [str(go)] == list(results)


def test_exit_ends_a_map_that_is_under_way(environment: ExternalEnvironment) -> None:
    results = environment.map(FUNCTIONS, "echo", itertools.count())
    next(results)
    exiting = in_thread(environment.exit)
    with pytest.raises((NotLaunchedError, ExecutionException, CancelledError)):
        sum(1 for _ in results)
    exiting()


def test_map_tasks_gives_a_task_for_each_item(environment: ExternalEnvironment) -> None:
    tasks = environment.map_tasks(FUNCTIONS, "echo", range(10))

    assert list(range(10)) == [task.wait_for(DEADLINE).result for task in tasks]
