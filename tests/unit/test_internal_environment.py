"""The environment of the program itself: the verbs of every environment, in this process."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, cast

import pytest

from pools import DEADLINE, FakeManager, eventually
from wetlands.exceptions import ExecutionException
from wetlands.internal_environment import InternalEnvironment
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.environment_manager import EnvironmentManager

SOURCE = """
import sys, threading
import wetlands_worker

go_on = threading.Event()
begun = threading.Event()

def add(first, second=0, *, third=0):
    return first + second + third

def same(value):
    return value

def fail():
    raise ValueError("bad input") from KeyError("cause")

def leave():
    sys.exit(3)

def steps(count, task):
    for step in range(count):
        task.update(f"step {step}", current=step + 1, maximum=count)
    task.set_output("list", [count])
    return threading.current_thread().name

def own(task="mine"):
    return task

def by_current_task():
    handle = wetlands_worker.current_task()
    handle.update("seen")
    return handle is not None

async def coroutine(value):
    return value

def waits(_=None):
    begun.set()
    return go_on.wait(20)

def until_canceled(task):
    begun.set()
    while not task.cancel_requested:
        go_on.wait(0.001)
    return "finished properly"

def cancels_itself(task):
    task.cancel()

def stops(task):
    until_canceled(task)
    raise KeyboardInterrupt
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "in_this_process.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def environment() -> Iterator[InternalEnvironment]:
    made = InternalEnvironment("wetlands_main", None, cast("EnvironmentManager", FakeManager()))
    made._threads._idle_seconds = 0.001
    with made:
        yield made
    made._loader.close()


def test_it_is_always_launched_and_its_path_is_that_of_this_python(environment: InternalEnvironment) -> None:
    environment.launch()

    assert (True, 1, sys.prefix) == (environment.launched(), environment.worker_count, str(environment.path))


def test_functions_run_here_with_positional_and_keyword_arguments(
    environment: InternalEnvironment, module: Path
) -> None:
    value = object()

    assert 123 == environment.execute(module, "add", (100, 20), {"third": 3})
    assert 123 == environment.submit(module, "add", (100,), {"second": 20, "third": 3}).wait_for(DEADLINE).result
    assert value is environment.execute(module, "same", (value,)), "nothing is copied"
    assert 7 == environment.execute(module, "coroutine", (7,))
    assert 3 == environment.execute("math", "floor", (3.5,))


def test_a_failure_has_the_shape_that_it_has_elsewhere(environment: InternalEnvironment, module: Path) -> None:
    with pytest.raises(ExecutionException, match="ValueError from in_this_process: bad input") as caught:
        environment.execute(module, "fail")
    task = environment.submit(module, "fail").wait_for(DEADLINE)

    for failure in (caught.value.failure, task.error):
        assert failure is not None
        assert failure.remote_exception is not None
        assert failure.remote_exception.cause is not None
        assert TaskFailureCategory.REMOTE_EXCEPTION is failure.category
        assert ("ValueError", "KeyError") == (
            failure.remote_exception.type_name,
            failure.remote_exception.cause.type_name,
        )
        assert "in_this_process:fail" == failure.call_target
    assert isinstance(caught.value.__cause__, ValueError)


def test_sys_exit_of_a_function_ends_its_call_and_not_the_program(
    environment: InternalEnvironment, module: Path
) -> None:
    with pytest.raises(ExecutionException, match="SystemExit"):
        environment.execute(module, "leave")

    assert TaskStatus.FAILED is environment.submit(module, "leave").wait_for(DEADLINE).status


def test_handles_report_as_they_do_elsewhere(environment: InternalEnvironment, module: Path) -> None:
    task = environment.submit(module, "steps", (3,), start=False)
    seen: list[tuple[str, str | None]] = []
    task.listen(lambda event: seen.append((event.type.name, event.task.message)))
    task.wait_for(DEADLINE)

    updates = [("UPDATE", "step 0"), ("UPDATE", "step 1"), ("UPDATE", "step 2"), ("UPDATE", "step 2")]
    assert [("STARTED", None), *updates, ("COMPLETION", "step 2")] == seen
    assert ({"list": [3]}, 1.0) == (dict(task.outputs), task.progress)
    assert "mine" == environment.execute(module, "own")
    assert "given" == environment.execute(module, "own", ("given",))
    assert environment.execute(module, "by_current_task")
    assert "seen" == environment.submit(module, "by_current_task").wait_for(DEADLINE).message


def test_cancel_drops_what_waits_and_asks_what_runs(environment: InternalEnvironment, module: Path) -> None:
    running = environment.submit(module, "until_canceled")
    waiting = environment.submit(module, "until_canceled")
    eventually(lambda: running.status is TaskStatus.RUNNING, "it runs")
    waiting.cancel()
    assert (TaskStatus.CANCELED, True) == (waiting.status, waiting.future.cancelled())
    running.cancel()

    assert "finished properly" == running.wait_for(DEADLINE).result


def test_a_task_may_cancel_itself(environment: InternalEnvironment, module: Path) -> None:
    task = environment.submit(module, "cancels_itself").wait_for(DEADLINE)

    assert (TaskStatus.CANCELED, True) == (task.status, task.future.cancelled())
    with pytest.raises(CancelledError):
        environment.execute(module, "cancels_itself")


def test_as_many_tasks_run_at_once_as_it_was_launched_for(environment: InternalEnvironment, module: Path) -> None:
    environment.launch(max_workers=3)
    environment._threads._idle_seconds = 0.001
    tasks = [environment.submit(module, "waits") for _ in range(5)]
    eventually(lambda: sum(task.status is TaskStatus.RUNNING for task in tasks) == 3, "three run")
    environment.execute(module, "go_on.set")

    assert [True] * 5 == [task.wait_for(DEADLINE).result for task in tasks]


@pytest.mark.parametrize("value", [0, -1, True, "2"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(environment: InternalEnvironment, value: object) -> None:
    with pytest.raises(ValueError, match="max_workers"):
        environment.launch(max_workers=value)  # type: ignore[arg-type]  # which is the point


def test_what_cannot_be_done_to_this_process_is_refused(environment: InternalEnvironment) -> None:
    with pytest.raises(ValueError, match="worker_env"):
        environment.launch(worker_env=lambda _: {})
    with pytest.raises(ValueError, match="activation"):
        environment.launch(["export A=1"])


def test_scripts_run_with_their_arguments_and_give_their_globals(
    environment: InternalEnvironment, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nvalue = sys.argv[1:]\nname = __name__\nsys.exit(0)\n")
    argv = list(sys.argv)

    results = environment.run_script(script, ("one", 2))
    task = environment.submit_script(script, run_name="other").wait_for(DEADLINE)

    assert (["one", "2"], "__main__", "other") == (results["value"], results["name"], task.result["name"])
    assert argv == sys.argv


@pytest.mark.parametrize("ordered", [True, False])
def test_map_gives_the_results_in_a_bounded_window(
    environment: InternalEnvironment, module: Path, ordered: bool
) -> None:
    read = itertools.count()
    results = environment.map(module, "same", read, ordered=ordered)
    taken = {next(results) for _ in range(100)}

    assert 100 == len(taken)
    assert not ordered or set(range(100)) == taken
    assert next(read) <= 200
    results.close()  # type: ignore[attr-defined]  # as generators have it


def test_the_first_failure_of_map_is_raised_and_a_timeout_is_one_of_ours(
    environment: InternalEnvironment, module: Path
) -> None:
    with pytest.raises(ExecutionException, match="TypeError"):
        list(environment.map(module, "add", [1, "x", 2]))
    with pytest.raises(TimeoutError):
        list(environment.map(module, "waits", [1], timeout=0))
    environment.execute(module, "go_on.set")


@pytest.mark.parametrize("give_up", ["close", "forget"])
def test_a_map_that_is_given_up_unread_cancels_its_tasks(
    environment: InternalEnvironment, module: Path, give_up: str
) -> None:
    results = environment.map(module, "until_canceled", itertools.repeat(1))
    if give_up == "close":
        results.close()  # type: ignore[attr-defined]  # as generators have it
    del results

    eventually(lambda: not environment._tasks, "nothing is left of it")


def test_a_task_may_be_awaited(environment: InternalEnvironment, module: Path) -> None:
    async def main() -> object:
        async with environment.submit(module, "add", (1, 2)) as task:
            return await task

    assert 3 == asyncio.run(main())


def test_exit_cancels_the_tasks(environment: InternalEnvironment, module: Path) -> None:
    running, waiting = environment.submit(module, "until_canceled"), environment.submit(module, "until_canceled")
    eventually(lambda: running.status is TaskStatus.RUNNING, "it runs")
    environment.exit()

    assert TaskStatus.COMPLETED is running.wait_for(DEADLINE).status
    assert TaskStatus.CANCELED is waiting.wait_for(DEADLINE).status


def test_a_proxy_of_a_module_calls_into_this_process(environment: InternalEnvironment, module: Path) -> None:
    assert 3 == environment.import_module(module).add(1, 2)


def test_several_threads_execute_at_the_same_time(environment: InternalEnvironment, module: Path) -> None:
    barrier = threading.Barrier(3)
    from pools import in_thread

    calls = [in_thread(lambda: environment.execute(module, "same", (barrier.wait(DEADLINE) >= 0,))) for _ in range(3)]

    assert [True] * 3 == [finish() for finish in calls]
