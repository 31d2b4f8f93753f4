"""Real workers of a host that takes plain values only: these arrive as ever, and classes of an environment do not."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import plain_functions
from pools import DEADLINE, pids, unlaunched
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

FUNCTIONS = Path(plain_functions.__file__)


@pytest.fixture(params=["started", "forked"], scope="module")
def environment(request: pytest.FixtureRequest) -> Iterator[ExternalEnvironment]:
    import leaks

    with ExitStack() as stack:
        with leaks.allow():
            launched = stack.enter_context(unlaunched())
            launched.launch(accept="plain", preload=["json"] if request.param == "forked" else [])
            launched.submit(FUNCTIONS, "echo", (1,)).wait_for(DEADLINE)  # from here on it has all its threads
        yield launched


@pytest.fixture(autouse=True)
def nothing_ran(environment: ExternalEnvironment) -> Iterator[None]:
    before = pids(environment)
    yield
    assert not plain_functions.intruded()
    assert before == pids(environment), "the worker was lost"
    assert [1] == environment.execute(FUNCTIONS, "echo", ([1],))


def serialization(task: Task[Any], text: str) -> bool:
    error = task.wait_for(DEADLINE).error
    assert error is not None
    return (TaskFailureCategory.SERIALIZATION, True) == (error.category, text in str(error))


def test_an_object_of_a_class_of_the_environment_fails_its_call(environment: ExternalEnvironment) -> None:
    assert serialization(environment.submit(FUNCTIONS, "own"), "it holds builtins.exec, and only plain values")
    with pytest.raises(ExecutionException, match="only plain values are accepted"):
        environment.execute(FUNCTIONS, "own")
    with pytest.raises(ExecutionException, match="only plain values are accepted"):
        list(environment.map(FUNCTIONS, "made", [0, 0, 1]))


def test_arrays_arrive_small_and_large(environment: ExternalEnvironment) -> None:
    for size in (3, 1_000_000):
        array: Any = environment.execute(FUNCTIONS, "image", (size,))
        np.testing.assert_array_equal(np.arange(size, dtype="f4"), array)
        np.testing.assert_array_equal(array + 1, environment.execute(FUNCTIONS, "add", (array, 1)))
    kinds: Any = environment.execute(FUNCTIONS, "kinds")
    assert [1, None] == kinds["masked"].tolist()
    assert (np.float64, 2) == (type(kinds["scalar"]), len(kinds["fields"]))


def test_kept_results_and_views_of_them_arrive(environment: ExternalEnvironment) -> None:
    reference: Any = environment.submit(FUNCTIONS, "image", (100_000,), keep=True).wait_for(DEADLINE).result
    with reference:
        changed: Any = environment.execute(FUNCTIONS, "add", (reference, 1))
        np.testing.assert_array_equal(np.arange(100_000, dtype="f4") + 1, reference.get())
        np.testing.assert_array_equal(reference.get(), changed)
    assert serialization(environment.submit(FUNCTIONS, "own", keep=True), "only plain values")


def test_reports_arrive_and_a_refused_output_fails_its_call(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "reports").wait_for(DEADLINE)
    assert (5, "working", 0.5, {"plain": [1]}) == (task.result, task.message, task.progress, dict(task.outputs))
    assert serialization(environment.submit(FUNCTIONS, "outputs_own"), "it holds builtins.exec")


def test_a_stream_fails_at_the_item_that_is_refused(environment: ExternalEnvironment) -> None:
    with environment.stream(FUNCTIONS, "items") as stream:
        assert 1 == next(stream)
        with pytest.raises(ExecutionException, match="only plain values are accepted"):
            next(stream)


def test_callbacks_are_called_with_plain_values_only(environment: ExternalEnvironment) -> None:
    assert [7] == environment.execute(FUNCTIONS, "calls", (lambda value: [value], 7))
    called: list[object] = []
    task = environment.submit(FUNCTIONS, "calls_with_own", (lambda value: called.append([value]),))
    assert serialization(task, "which this program was to call: it holds builtins.exec")
    assert [] == called


def test_an_exception_arrives_as_text(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException, match="Remote Own_Error from plain_functions"):
        environment.execute(FUNCTIONS, "fails")


def test_globals_of_a_script_arrive_without_those_that_are_not_plain(
    environment: ExternalEnvironment, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import fractions\nclass Own: pass\nplain = [1]\nown = Own()\nhalf = fractions.Fraction(1, 2)\n")
    assert {"plain": [1], "half": __import__("fractions").Fraction(1, 2)} == environment.run_script(script)


def test_executors_and_chunks_give_plain_values(environment: ExternalEnvironment) -> None:
    with environment.executor() as executor:
        assert [1, 4] == list(executor.map(abs, [-1, 4]))
    assert [1, 2, 3] == list(environment.map(FUNCTIONS, "echo", [1, 2, 3], chunksize=2))


def test_stacks_and_the_debugger_answer(environment: ExternalEnvironment) -> None:
    assert "main thread" in environment.stacks()[0]


def test_the_manager_says_what_is_accepted_where_launch_does_not() -> None:
    with unlaunched() as environment:
        environment.environment_manager.accept = "plain"
        environment.launch()
        with pytest.raises(ExecutionException, match="only plain values are accepted"):
            environment.execute(FUNCTIONS, "own")


def test_an_unknown_word_is_refused_before_anything_is_started() -> None:
    with unlaunched() as environment, pytest.raises(ValueError, match='accept is "any" or "plain"'):
        environment.launch(accept="all")  # type: ignore[arg-type]  # what is tested
