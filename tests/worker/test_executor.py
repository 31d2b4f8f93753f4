"""An environment as an executor, with real workers: what can be handed over, what comes back, and how it ends."""

from __future__ import annotations

import asyncio
import functools
import json
import math
import operator
import traceback
from concurrent.futures import CancelledError, as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import executor_functions as functions
import interpreters
from pools import DEADLINE, an_environment, eventually
from wetlands.exceptions import ExecutionException, NotLaunchedError
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

NESTED = functions.nested([1, {"two": 2}])
MODEL = functions.Model(7)
STOPS: Callable[..., Any] = functions.until_canceled  # it is given its handle
SENDABLE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a function": (functions.add, (1,)),
    "a coroutine function": (functions.coroutine, (1,)),
    "a decorated function": (functions.decorated, (1,)),
    "a cached function": (functions.cached, (1,)),
    "a static method": (functions.Model.half, (9,)),
    "a class method": (functions.Model.name, (1,)),
    "an inherited class method": (functions.Derived.name, (1,)),
    "a method of a nested class": (functions.Model.Inner.double, (4,)),
    "a method": (MODEL.scaled, (3,)),
    "an inherited method": (functions.Derived(3).scaled, (3,)),
    "a private method": (MODEL.hidden(), (10,)),
    "an object with a call": (MODEL, (3,)),
    "a partial": (functools.partial(functions.add, 5), (6,)),
    "a partial of a partial": (functools.partial(functools.partial(functions.add, 5), second=6), ()),
    "a partial of a lambda": (functools.partial(NESTED["lambda"], 5), (6,)),
    "a built-in function": (len, ("abc",)),
    "a built-in class": (complex, (1, 2)),
    "a function of an extension": (math.hypot, (3, 4)),
    "a function of the standard library": (json.dumps, ([1, None],)),
    "a method of a built-in class": (str.upper, ("abc",)),
    "a method of a built-in object": ("abc".upper, ()),
    "a class method of a built-in class": (dict.fromkeys, (["a"], 1)),
    "a callable of the standard library": (operator.itemgetter(1), ([1, 2],)),
    "a lambda at the top level": (functions.square, (5,)),
    "the first lambda of a line": (functions.both[0], (5,)),
    "the second lambda of a line": (functions.both[1], (5,)),
    "a lambda that captures": (NESTED["lambda"], (1, 2, 3)),
    "a nested function": (NESTED["plain"], (1,)),
    "a nested function that captures": (NESTED["captures"], (1,)),
    "a nested function that calls itself": (NESTED["factorial"], (5,)),
    "a nested function that calls others": (NESTED["calls"], (1,)),
    "a nested function of a decorator": (NESTED["wrapped"], (1,)),
}


@contextmanager
def an_executor(python: Path | None = None, max_workers: int = 1) -> Iterator[Executor]:
    with an_environment(python, max_workers=max_workers) as environment, environment.executor() as executor:
        yield executor


def failure_of(executor: Executor, function: Callable[..., object], *args: object) -> ExecutionException:
    with pytest.raises(ExecutionException) as caught:
        executor.submit(function, *args).result(DEADLINE)
    return caught.value


def test_whatever_can_be_called_here_gives_the_same_in_every_python(interpreter: Path) -> None:
    with an_executor(interpreter) as executor:
        futures = {name: executor.submit(function, *args) for name, (function, args) in SENDABLE.items()}
        found = {name: future.result(DEADLINE) for name, future in futures.items()}

        assert {name: function(*args) for name, (function, args) in SENDABLE.items() if "corout" not in name} == {
            name: result for name, result in found.items() if "corout" not in name
        }
        assert 1 == found["a coroutine function"]
        assert [1, [1, {"two": 2}]] == executor.submit(NESTED["waits"], 1).result(DEADLINE)
        assert [1, "RemoteTaskHandle", [1, {"two": 2}]] == executor.submit(NESTED["reports"], 1).result(DEADLINE)
        assert "executor_functions" == executor.submit(functions.module_name).result(DEADLINE)


def test_tracebacks_name_the_lines_of_the_file_in_every_python(interpreter: Path) -> None:
    def line_of(error: BaseException) -> tuple[str, int | None, str]:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return last.filename, last.lineno, last.name

    with an_executor(interpreter) as executor:
        for function, argument in ((functions.fails, "bad"), (NESTED["raises"], 0), (NESTED["divides"], 0)):
            with pytest.raises((ValueError, ZeroDivisionError)) as here:
                function(argument)
            expected = line_of(here.value)
            failure = failure_of(executor, function, argument).failure
            frame = failure.traceback_frames[-1]

            assert expected == (frame.filename, frame.lineno, frame.name)
            assert failure.traceback is not None
            assert f'File "{expected[0]}", line {expected[1]}, in {expected[2]}' in failure.traceback


def test_an_exception_comes_with_its_remote_traceback_as_the_cause() -> None:
    with an_executor() as executor:
        error = failure_of(executor, functions.fails, "bad input")

        assert "Remote ValueError from executor_functions: bad input" == str(error)
        assert "the line that the traceback shows" in "".join(traceback.format_exception(error))
        assert error.__cause__ is not None


def test_map_gives_the_results_in_order_one_by_one_and_in_chunks() -> None:
    with an_executor(max_workers=2) as executor:
        expected = [functions.add(first, second) for first, second in zip(range(20), range(5, 25), strict=True)]

        for chunksize in (1, 3, 100):
            results = executor.map(functions.add, range(20), range(5, 30), timeout=DEADLINE, chunksize=chunksize)
            assert expected == list(results)
        assert [1, 4, 9] == list(executor.map(functions.square, (1, 2, 3), chunksize=2))
        assert [105, 106] == list(executor.map(functools.partial(functions.add, second=5), (0, 1), chunksize=2))
        assert [] == list(executor.map(functions.add, (), chunksize=2))


@pytest.mark.parametrize("chunksize", [1, 2])
def test_the_first_failure_of_a_map_is_raised_and_the_rest_is_canceled(chunksize: int, tmp_path: Path) -> None:
    with an_executor() as executor:
        results = executor.map(NESTED["raises"], (1, 0, 2, 3), chunksize=chunksize)
        with pytest.raises(ExecutionException, match="Remote ZeroDivisionError"):
            list(results)

        with pytest.raises(TimeoutError):
            list(
                executor.map(functions.until_canceled, [str(tmp_path / "begun")] * 3, timeout=0.01, chunksize=chunksize)
            )


def test_a_loop_runs_callables_in_it() -> None:
    async def several(executor: Executor) -> list[object]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(executor, functions.add, number) for number in range(5)]
        with pytest.raises(ExecutionException, match="Remote ValueError"):
            await loop.run_in_executor(executor, functions.fails, "bad")
        return await asyncio.wait_for(asyncio.gather(*calls), DEADLINE)

    with an_executor(max_workers=2) as executor:
        assert [101, 102, 103, 104, 105] == asyncio.run(several(executor))


def test_a_loop_that_stops_waiting_asks_the_function_to_stop(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    async def stopped(executor: Executor) -> None:
        call = asyncio.get_running_loop().run_in_executor(executor, STOPS, str(begun))
        while not begun.exists():  # noqa: ASYNC110 - another process says it
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with an_executor() as executor:
        asyncio.run(stopped(executor))
        assert 101 == executor.submit(functions.add, 0).result(DEADLINE)


def test_a_future_that_waits_can_be_canceled(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with an_executor() as executor:
        running: Future[Any] = executor.submit(functions.wait_for_file, str(go))
        waiting: Future[Any] = executor.submit(functions.add, 1)

        assert waiting.cancel()
        assert waiting.cancelled()
        go.touch()
        assert {running, waiting} == set(as_completed([running, waiting], DEADLINE))
        with pytest.raises(CancelledError):
            waiting.result()


def test_shutdown_can_drop_what_waits_and_leaves_what_runs_and_the_workers(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with an_environment() as environment:
        executor = environment.executor()
        running = executor.submit(functions.wait_for_file, str(go))
        eventually((tmp_path / "go.begun").exists, "the function runs")
        waiting = [executor.submit(functions.add, number) for number in range(5)]
        executor.shutdown(wait=False, cancel_futures=True)

        assert [True] * 5 == [future.cancelled() for future in waiting]
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(functions.add, 1)
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.map(functions.add, [1], chunksize=2)
        go.touch()
        executor.shutdown()
        assert str(go) == running.result(0)
        assert 101 == environment.executor().submit(functions.add, 0).result(DEADLINE)


def test_leaving_the_context_waits_for_what_was_submitted() -> None:
    with an_environment() as environment:
        with environment.executor() as executor:
            futures = [executor.submit(functions.add, number) for number in range(10)]

        assert [True] * 10 == [future.done() for future in futures]


def test_a_dying_worker_fails_its_call_alone() -> None:
    with an_executor() as executor:
        dying, after = executor.submit(functions.die), executor.submit(functions.add, 1)

        error = dying.exception(DEADLINE)
        assert isinstance(error, ExecutionException)
        assert TaskFailureCategory.WORKER_DIED is error.failure.category
        assert 102 == after.result(DEADLINE)


def test_an_argument_that_cannot_cross_fails_its_call_alone_and_is_named() -> None:
    with an_executor() as executor:
        for failure in (
            failure_of(executor, functions.add, [iter(range(0)), (_ for _ in "")]).failure,
            failure_of(executor, NESTED["plain"], {"here": (_ for _ in "")}).failure,
        ):
            assert TaskFailureCategory.SERIALIZATION is failure.category
            assert str(failure.serialization_context).startswith("args[")
        assert 102 == executor.submit(functions.add, 1).result(DEADLINE)


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "captures a lock",
            "'lock' along, which cannot be sent: .*lock.*; to get around it, define a function at the top",
        ),
        ("captures what is not there", "'later' along, which has no value yet"),
        ("captures another that captures it", "'other' along, which cannot be sent: .*'one' along"),
        ("made by exec", "made is not found in line 1 of .*executor_functions.py"),
    ],
)
def test_a_function_that_cannot_go_by_its_source_is_refused_at_once(name: str, message: str) -> None:
    with an_executor() as executor, pytest.raises(TypeError, match=message):
        executor.submit(functions.unsendable()[name])


def test_a_package_that_the_environment_does_not_have_is_named() -> None:
    with an_executor(next(iter(interpreters.found().values()))) as executor:
        message = str(failure_of(executor, pytest.approx, 1))

        assert message.startswith("Remote ModuleNotFoundError from _pytest.")
        assert "No module named '_pytest'" in message
        assert "does not have it. Add it to the environment" in message


def test_there_is_no_executor_of_what_is_not_launched() -> None:
    with an_environment() as environment:
        executor = environment.executor()
        environment.exit()

        with pytest.raises(NotLaunchedError, match=r"call launch\(\) first"):
            environment.executor()
        with pytest.raises(NotLaunchedError, match=r"call launch\(\) first"):
            executor.submit(functions.add, 1)
        executor.shutdown()
