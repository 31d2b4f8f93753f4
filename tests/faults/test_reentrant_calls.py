"""Calls made by callbacks and in loops over streams: they work where a worker is free, and fail where none ever is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import callback_functions
from pools import DEADLINE, an_environment, in_thread
from wetlands.exceptions import ExecutionException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

FUNCTIONS = Path(callback_functions.__file__)
STREAMS = FUNCTIONS.with_name("stream_functions.py")
FOR_EVER = "would wait for ever: every worker of this pool"


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment() as launched:
        yield launched


def add(environment: ExternalEnvironment, first: int = 1, second: int = 2) -> object:
    return environment.execute(FUNCTIONS, "add", (first, second))


def test_a_callback_calls_another_environment(environment: ExternalEnvironment) -> None:
    with an_environment(name="other") as other:
        assert 3 == in_thread(lambda: environment.execute(FUNCTIONS, "call", (lambda: add(other),)))()


def test_a_callback_calls_another_worker_of_its_own_environment() -> None:
    with an_environment(max_workers=2) as environment:
        assert 3 == in_thread(lambda: environment.execute(FUNCTIONS, "call", (lambda: add(environment),)))()


def test_calls_nest_as_deep_as_there_are_workers_and_fail_beyond() -> None:
    with an_environment(max_workers=3) as environment:

        def nested(depth: int) -> object:
            if depth == 0:
                return add(environment)
            return environment.execute(FUNCTIONS, "call", (lambda: nested(depth - 1),))

        assert 3 == in_thread(lambda: nested(2))()
        with pytest.raises(ExecutionException, match=FOR_EVER):
            in_thread(lambda: nested(3))()
        assert 3 == add(environment)


def test_a_callback_that_waits_for_its_own_worker_fails(environment: ExternalEnvironment) -> None:
    seen: list[str] = []

    def calls_again() -> object:
        try:
            return add(environment)
        except ExecutionException as error:
            seen.append(str(error))
            return "went on"

    assert "went on" == in_thread(lambda: environment.execute(FUNCTIONS, "call", (calls_again,)))()
    assert FOR_EVER in seen[0]
    assert 3 == add(environment)


def test_a_callback_may_submit_to_its_own_worker(environment: ExternalEnvironment) -> None:
    task = in_thread(lambda: environment.execute(FUNCTIONS, "call", (lambda: tasks.append(submit()),)))
    tasks: list[object] = []

    def submit() -> object:
        return environment.submit(FUNCTIONS, "add", (1, 2))

    task()
    assert 3 == tasks[0].wait_for(DEADLINE).result  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["result", "wait_for"])
def test_a_callback_that_waits_for_a_task_of_its_own_worker_fails(environment: ExternalEnvironment, how: str) -> None:
    def waits_for_a_task() -> object:
        task = environment.submit(FUNCTIONS, "add", (1, 2))
        if how == "wait_for":
            return str(task.wait_for().error)
        try:
            return task.future.result()
        except ExecutionException as error:
            return str(error)

    assert FOR_EVER in str(in_thread(lambda: environment.execute(FUNCTIONS, "call", (waits_for_a_task,)))())
    assert 3 == add(environment)


def test_two_workers_whose_callbacks_wait_for_each_other_fail_once() -> None:
    together = threading.Barrier(2)

    with an_environment(max_workers=2) as environment:

        def calls_again() -> object:
            together.wait(DEADLINE)
            try:
                return add(environment)
            except ExecutionException as error:
                return str(error)

        calls = [in_thread(lambda: environment.execute(FUNCTIONS, "call", (calls_again,))) for _ in range(2)]
        results = [str(call()) for call in calls]

    assert ["3"] == [result for result in results if FOR_EVER not in result]


def test_two_environments_whose_callbacks_wait_for_each_other_fail_once() -> None:
    together = threading.Barrier(2)

    with an_environment(name="one") as one, an_environment(name="two") as two:

        def calls_other(other: ExternalEnvironment) -> object:
            together.wait(DEADLINE)
            try:
                return add(other)
            except ExecutionException as error:
                return str(error)

        calls = [
            in_thread(lambda: one.execute(FUNCTIONS, "call", (lambda: calls_other(two),))),
            in_thread(lambda: two.execute(FUNCTIONS, "call", (lambda: calls_other(one),))),
        ]
        results = [str(call()) for call in calls]

    assert ["3"] == [result for result in results if FOR_EVER not in result]


def test_others_in_the_line_are_not_harmed(environment: ExternalEnvironment) -> None:
    queued: list[object] = []

    def calls_again() -> object:
        queued.extend(environment.submit(FUNCTIONS, "add", (1, number)) for number in range(5))
        try:
            return add(environment)
        except ExecutionException:
            return "failed"

    assert "failed" == in_thread(lambda: environment.execute(FUNCTIONS, "call", (calls_again,)))()
    assert [1, 2, 3, 4, 5] == [task.wait_for(DEADLINE).result for task in queued]  # type: ignore[attr-defined]


def test_a_call_in_a_loop_over_a_stream_of_the_only_worker_fails(environment: ExternalEnvironment) -> None:
    def loop() -> None:
        with environment.stream(STREAMS, "count", (10**9,), window=4) as items:
            for _ in items:
                add(environment)

    with pytest.raises(ExecutionException, match=FOR_EVER):
        in_thread(loop)()
    assert 3 == add(environment)


def test_a_call_in_a_loop_over_a_stream_waits_for_a_generator_that_comes_to_its_end(
    environment: ExternalEnvironment,
) -> None:
    def loop() -> list[object]:
        return [add(environment, item) for item in environment.stream(STREAMS, "naps", (4, 0.05))]  # type: ignore[arg-type]

    assert [2, 3, 4, 5] == in_thread(loop)()


def test_a_call_beside_a_stream_that_another_thread_reads_waits(environment: ExternalEnvironment) -> None:
    stream = environment.stream(STREAMS, "count", (50,), window=1)
    first = next(stream)
    call = in_thread(lambda: add(environment))

    assert list(range(50)) == [first, *stream]
    assert 3 == call()
