"""Callables of the host: which ones stay here, what crosses, late calls, ends of every kind."""

from __future__ import annotations

import contextvars
import functools
import gc
import math
import os
import queue
import signal
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import callback_functions
from pools import DEADLINE, an_environment, eventually, in_thread, pids
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wetlands.external_environment import ExternalEnvironment

FUNCTIONS = Path(callback_functions.__file__)
rebuilt: Any = callback_functions.Rebuilt  # it is not annotated
a_lambda: Any = callback_functions.a_lambda


class OwnError(Exception):
    """A class that a worker does not have."""


class Model:
    """An object that cannot cross."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: list[object] = []

    def observe(self, value: object, *, times: int = 1) -> int:
        with self.lock:
            self.seen.extend([value] * times)
        return len(self.seen)


def where(*_: object) -> int:
    return os.getpid()


@functools.lru_cache
def where_cached(*_: object) -> int:
    return os.getpid()


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment() as launched:
        yield launched


def callables() -> dict[str, Callable[..., object]]:
    return {
        "lambda": lambda *_: os.getpid(),
        "function": where,
        "nested function": where,
        "cached function": where_cached,
        "partial": functools.partial(where, 1),
        "partial of a partial of a lambda": functools.partial(functools.partial(lambda *_: os.getpid(), 1), 2),
    }


@pytest.mark.parametrize("kind", callables())
def test_functions_of_the_program_run_in_the_host(environment: ExternalEnvironment, kind: str) -> None:
    assert os.getpid() == environment.execute(FUNCTIONS, "call", (callables()[kind], 1))


def test_methods_of_objects_run_in_the_host_on_those_objects(environment: ExternalEnvironment) -> None:
    model, results, lines = Model(), list[object](), queue.SimpleQueue[object]()

    assert 2 == environment.execute(FUNCTIONS, "call", (model.observe, "value"), {"times": 2})
    environment.execute(FUNCTIONS, "each", (results.append, 3))
    environment.execute(FUNCTIONS, "call", (lines.put, "line"))

    assert (["value", "value"], [0, 1, 2], "line") == (model.seen, results, lines.get_nowait())


def test_what_is_installed_goes_by_its_name(environment: ExternalEnvironment) -> None:
    assert os.getpid() != environment.execute(FUNCTIONS, "call", (os.getpid,))
    assert environment.execute(FUNCTIONS, "pid") == environment.execute(FUNCTIONS, "call", (os.getpid,))
    assert 2.0 == environment.execute(FUNCTIONS, "call", (math.sqrt, 4))
    assert 6 == environment.execute(FUNCTIONS, "call", (functools.partial(functools.reduce, max), [1, 6, 2]))
    assert {"a": 1} == environment.execute(FUNCTIONS, "call", (dict.fromkeys, "a", 1))
    assert dict is environment.execute(FUNCTIONS, "give_back", (dict,))


def test_callables_are_found_in_nested_containers(environment: ExternalEnvironment) -> None:
    seen: list[object] = []
    functions = {"list": [seen.append, lambda value: value + 1], "more": {"deep": (lambda value: value * 2,)}}

    assert [None, 6, 10] == environment.execute(FUNCTIONS, "call_all", (functions,), {"value": 5})
    assert [5] == seen


def test_objects_that_functions_of_the_program_rebuild_still_cross(environment: ExternalEnvironment) -> None:
    thing = rebuilt("value")
    seen: Any = environment.execute(FUNCTIONS, "rebuilt_value", (thing,))

    assert ("Rebuilt", "value") == seen[:2]
    assert os.getpid() != seen[2]
    assert [thing, 1] == environment.execute(FUNCTIONS, "call", (lambda *things: [*things, 1], thing))


def test_an_argument_that_cannot_cross_is_named_although_callables_stand_before_it(
    environment: ExternalEnvironment,
) -> None:
    with pytest.raises(ExecutionException, match=r"args\[1\]\['lock'\]") as caught:
        environment.execute(FUNCTIONS, "call", (lambda: None, {"lock": threading.Lock(), "f": lambda: None}))

    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category


def test_what_stands_for_a_callable_looks_like_it(environment: ExternalEnvironment) -> None:
    assert ("<where of the host>", "where", True) == environment.execute(FUNCTIONS, "described", (where,))


@pytest.mark.parametrize("verb", ["execute", "submit", "map", "stream", "executor"])
def test_every_verb_takes_callables(environment: ExternalEnvironment, verb: str) -> None:
    factor = 3

    def times(value: int) -> int:
        return value * factor

    if verb == "execute":
        assert [0, 3, 6] == environment.execute(FUNCTIONS, "each", (times, 3))
    elif verb == "submit":
        assert [0, 3, 6] == environment.submit(FUNCTIONS, "each", (times,), {"count": 3}).wait_for(DEADLINE).result
    elif verb == "map":
        assert [times] * 200 == list(environment.map(FUNCTIONS, "give_back", [times] * 200))
    elif verb == "stream":
        assert [0, 3, 6] == list(environment.stream(FUNCTIONS, "streamed", (times, 3)))
    else:
        with environment.executor() as executor:
            assert [0, 3, 6] == executor.submit(callback_functions.each, times, 3).result(DEADLINE)
            assert 6 == executor.submit(a_lambda(), times).result(DEADLINE)


# ------------------------------------------------------------------ what crosses


def test_a_callable_that_comes_back_is_the_callable_itself(environment: ExternalEnvironment) -> None:
    function = callables()["lambda"]

    assert function is environment.execute(FUNCTIONS, "give_back", (function,))
    received = environment.execute(FUNCTIONS, "give_to", (lambda other, value: (other, value), function))
    assert (function, 3) == received


def test_a_callback_may_receive_and_call_another_one(environment: ExternalEnvironment) -> None:
    assert 9 == environment.execute(FUNCTIONS, "give_to", (lambda other, value: other(value), lambda value: value**2))


def test_a_callback_may_return_a_callable(environment: ExternalEnvironment) -> None:
    def adder(first: int) -> Callable[[int], int]:
        return lambda second: first + second

    assert 7 == environment.execute(FUNCTIONS, "calls_what_it_makes", (adder,))


def test_arrays_cross_in_both_directions(environment: ExternalEnvironment) -> None:
    pytest.importorskip("numpy")

    assert 2 * sum(range(100_000)) == environment.execute(FUNCTIONS, "arrays", (lambda array: array * 2,))


def test_copies_in_the_worker_are_the_same_callable_and_other_processes_cannot_have_it(
    environment: ExternalEnvironment,
) -> None:
    assert (1, 2) == environment.execute(FUNCTIONS, "copies", (lambda value: value,))
    with pytest.raises(ExecutionException, match="only in the task that received it"):
        environment.execute(FUNCTIONS, "pickles", (where,))


def fails(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_an_exception_of_the_host_is_raised_in_the_worker(environment: ExternalEnvironment) -> None:
    seen: Any = environment.execute(FUNCTIONS, "caught", (fails(FileNotFoundError(2, "no such thing", "a name")),))

    assert ("builtins", "FileNotFoundError", "[Errno 2] no such thing: 'a name'") == seen[:3]
    assert "raise error" in seen[3]
    assert "_pool/callbacks.py" not in seen[3]


def test_an_exception_that_the_worker_does_not_have_is_described(environment: ExternalEnvironment) -> None:
    class HiddenError(Exception):
        pass

    for error in (OwnError("own"), HiddenError("hidden")):
        seen: Any = environment.execute(FUNCTIONS, "caught", (fails(error),))
        assert ("wetlands_worker.callbacks", "HostError") == seen[:2]
        assert seen[2].endswith(f"{type(error).__qualname__}: {error}")
        assert "raise error" in seen[3]


def test_an_exception_that_nobody_catches_comes_back_in_the_failure(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException, match="Remote KeyError from callback_functions: 'lost'") as caught:
        environment.execute(FUNCTIONS, "call", (fails(KeyError("lost")),))

    assert "raise error" in str(caught.value.failure.traceback)


def test_what_cannot_cross_as_a_result_fails_the_call_and_names_it(environment: ExternalEnvironment) -> None:
    def returns_a_lock() -> object:
        return {"lock": threading.Lock()}

    with pytest.raises(ExecutionException, match=r"what .*returns_a_lock returned\['lock'\]"):
        environment.execute(FUNCTIONS, "call", (returns_a_lock,))


# ---------------------------------------------------------------- where they run


def test_they_run_on_a_thread_of_their_own_in_the_context_of_whoever_made_the_call(
    environment: ExternalEnvironment,
) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("mine")

    def look() -> tuple[str, str]:
        return threading.current_thread().name, variable.get("none")

    assert ("wetlands-callback", "mine") == environment.execute(FUNCTIONS, "call", (look,))


def test_a_slow_callback_does_not_hold_up_other_workers(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return go_on.wait(DEADLINE)

    with an_environment(max_workers=2) as environment:
        task = environment.submit(FUNCTIONS, "call", (slow,))
        assert begun.wait(DEADLINE)
        assert [3] * 20 == [environment.execute(FUNCTIONS, "add", (1, 2)) for _ in range(20)]
        go_on.set()
        assert task.wait_for(DEADLINE).result


def test_threads_of_a_task_may_call_at_the_same_time(environment: ExternalEnvironment) -> None:
    together = threading.Barrier(8)

    def meet(index: int) -> int:
        together.wait(DEADLINE)
        return index * index

    assert [index**2 for index in range(8)] == environment.execute(FUNCTIONS, "in_threads", (meet, 8))


# -------------------------------------------------------------------- late calls


def test_a_callable_that_outlives_its_task_says_so(environment: ExternalEnvironment) -> None:
    assert environment.execute(FUNCTIONS, "keep", (lambda value: value,)) == 1
    with pytest.raises(ExecutionException, match="after the task that received it had ended"):
        environment.execute(FUNCTIONS, "call_kept")


def test_a_thread_that_outlives_its_task_is_told(environment: ExternalEnvironment, tmp_path: Path) -> None:
    go, result = tmp_path / "go", tmp_path / "result"
    called: list[object] = []
    environment.execute(FUNCTIONS, "thread_outlives_task", (called.append, str(go), str(result)))
    go.touch()

    eventually(result.exists, "the thread has called")
    assert "after the task that received it had ended" in result.read_text()
    assert [] == called


def test_a_forked_child_cannot_call_and_the_worker_still_can(environment: ExternalEnvironment) -> None:
    seen: Any = environment.execute(FUNCTIONS, "forks_and_calls", (lambda value: value + 1,))

    assert "forked from the worker" in seen[0]
    assert 3 == seen[1]


def test_callables_are_forgotten_with_their_call(environment: ExternalEnvironment) -> None:
    kept: list[KeyError] = []

    def function(value: object) -> object:
        kept.append(KeyError(value))
        raise kept[0]

    with pytest.raises(ExecutionException):
        environment.execute(FUNCTIONS, "each", (function, 10))
    environment.execute(FUNCTIONS, "add", (1, 2))
    forgotten = weakref.ref(function)
    kept.clear()
    del function
    gc.collect()

    eventually(lambda: forgotten() is None, "nothing is kept")


# ------------------------------------------------------------- ends of every kind


def waits() -> tuple[Callable[..., object], threading.Event, threading.Event, list[object]]:
    begun, go_on, said = threading.Event(), threading.Event(), list[object]()

    def wait(what: object = "wait") -> None:
        said.append(what)
        if what == "wait":
            begun.set()
            assert go_on.wait(DEADLINE)

    return wait, begun, go_on, said


def test_a_task_is_interrupted_while_it_waits_for_the_host(environment: ExternalEnvironment) -> None:
    wait, begun, go_on, said = waits()
    task = environment.submit(FUNCTIONS, "calls_when_interrupted", (wait,))
    assert begun.wait(DEADLINE)
    before = pids(environment)
    task.cancel(force_after=0.01)
    eventually(lambda: task.cancel_step != "asked", "it is interrupted")
    task.wait_for(DEADLINE)
    go_on.set()

    assert TaskStatus.CANCELED is task.status
    assert ["wait", "tidied up"] == said
    assert before == pids(environment)
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))


def test_a_call_runs_out_of_its_time_while_it_waits_for_the_host(environment: ExternalEnvironment) -> None:
    wait, _, go_on, _ = waits()
    with pytest.raises(ExecutionException, match="ran out of its time"):
        environment.execute(FUNCTIONS, "call", (wait,), timeout=0.3)
    go_on.set()

    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))


def test_waiting_for_the_host_is_no_silence() -> None:
    wait, begun, go_on, _ = waits()
    with an_environment(worker_timeout=0.2) as environment:
        task = environment.submit(FUNCTIONS, "call", (wait,))
        assert begun.wait(DEADLINE)
        with pytest.raises(TimeoutError):
            task.wait_for(0.7)
        go_on.set()

        assert TaskStatus.COMPLETED is task.wait_for(DEADLINE).status


def test_a_worker_that_dies_while_it_waits_fails_its_call_and_the_callback_goes_on(
    environment: ExternalEnvironment,
) -> None:
    wait, begun, go_on, _ = waits()
    task = environment.submit(FUNCTIONS, "call", (wait,))
    assert begun.wait(DEADLINE)
    os.kill(pids(environment)[0], signal.SIGKILL)
    task.wait_for(DEADLINE)
    go_on.set()

    assert TaskStatus.FAILED is task.status
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))


def test_an_environment_is_exited_while_a_callback_runs() -> None:
    wait, begun, go_on, _ = waits()
    with an_environment() as environment:
        task = environment.submit(FUNCTIONS, "call", (wait,))
        assert begun.wait(DEADLINE)
        in_thread(environment.exit)()

    assert TaskStatus.FAILED is task.wait_for(DEADLINE).status
    go_on.set()
