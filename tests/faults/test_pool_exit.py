"""Exit ends all workers at the same time and within seconds, whatever they are doing and whoever still calls."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, is_running, pids, suspend, unlaunched
from wetlands.exceptions import ExecutionException, NotLaunchedError
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


def seconds_to_exit(environment: ExternalEnvironment) -> float:
    began = time.monotonic()
    environment.exit()
    return time.monotonic() - began


def test_idle_workers_end_at_once() -> None:
    with an_environment(max_workers=4) as environment:
        workers = pids(environment)
        environment.map_tasks(FUNCTIONS, "echo", range(4))[0].wait_for(DEADLINE)

        assert seconds_to_exit(environment) < 1.0
        assert not any(map(is_running, workers))
        assert (False, 0) == (environment.launched(), environment.worker_count)


@pytest.mark.parametrize("function", ["sleeps", "counts", "ignores_everything"])
def test_busy_workers_that_do_not_listen_end_together_within_seconds(function: str) -> None:
    with an_environment(max_workers=4) as environment:
        workers = pids(environment)
        tasks = [environment.submit(FUNCTIONS, function) for _ in range(4)]
        eventually(lambda: all(task.message for task in tasks), "the tasks run")

        assert seconds_to_exit(environment) < 4.0
        assert not any(map(is_running, workers))
        for task in tasks:
            error = task.wait_for(DEADLINE).error
            assert error is not None
            assert TaskFailureCategory.ENVIRONMENT is error.category
            assert "exited" in error.message


def test_a_stopped_process_ends_too() -> None:
    """A debugger, or a terminal, has stopped it; it can hear nothing but SIGKILL."""
    with an_environment() as environment:
        (pid,) = pids(environment)
        suspend(pid)

        assert seconds_to_exit(environment) < 4.0
        assert not is_running(pid)


def test_a_task_that_looks_at_its_handle_can_finish_properly(tmp_path: Path) -> None:
    with an_environment() as environment:
        task = environment.submit(FUNCTIONS, "writes_when_canceled", (str(tmp_path / "saved"),))
        eventually(lambda: task.message, "the task runs")
        environment.exit()

        assert "saved" == (tmp_path / "saved").read_text()


def test_a_thread_that_a_task_has_left_behind_does_not_keep_its_worker() -> None:
    with an_environment() as environment:
        (pid,) = pids(environment)
        environment.execute(FUNCTIONS, "leaves_a_lasting_thread")

        assert seconds_to_exit(environment) < 4.0
        assert not is_running(pid)


def test_what_waits_is_canceled_and_what_comes_is_refused(tmp_path: Path) -> None:
    with an_environment() as environment:
        running = environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "never"),))
        waiting = [environment.submit(FUNCTIONS, "never_called") for _ in range(10)]
        unstarted = environment.submit(FUNCTIONS, "never_called", start=False)
        eventually(lambda: running.message, "the task runs")
        environment.exit()

        assert {TaskStatus.CANCELED} == {task.wait_for(DEADLINE).status for task in waiting}
        assert TaskStatus.FAILED is running.wait_for(DEADLINE).status
        with pytest.raises(NotLaunchedError):
            unstarted.start()
        assert TaskStatus.FAILED is unstarted.wait_for(DEADLINE).status
        for verb in (environment.execute, environment.submit, environment.map):
            with pytest.raises(NotLaunchedError, match=r"launch\(\)"):
                verb(FUNCTIONS, "echo", (1,))


def test_exit_while_other_threads_call_ends_every_call() -> None:
    for _ in range(5):
        with an_environment(max_workers=2) as environment:
            called = threading.Semaphore(0)
            failures: list[TaskFailureCategory] = []

            def call_until_refused(environment: ExternalEnvironment = environment) -> str:
                while True:
                    try:
                        environment.execute(FUNCTIONS, "echo", (1,))
                        called.release()  # noqa: B023 - the same one for all callers of this round
                    except NotLaunchedError:
                        return "refused"
                    except CancelledError:
                        continue
                    except ExecutionException as error:
                        failures.append(error.failure.category)  # noqa: B023 - see above

            callers = [in_thread(call_until_refused) for _ in range(4)]
            for _ in range(20):
                assert called.acquire(timeout=DEADLINE)
            assert seconds_to_exit(environment) < 4.0
            assert ["refused"] * 4 == [finish() for finish in callers]
            assert {TaskFailureCategory.ENVIRONMENT} >= set(failures)


def test_exit_from_several_threads_and_again_does_no_harm() -> None:
    with an_environment(max_workers=2) as environment:
        exits = [in_thread(environment.exit) for _ in range(4)]
        for finish in exits:
            finish()
        environment.exit()
        assert not environment.launched()

        environment.launch()
        assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def test_exit_from_a_listener_and_from_a_done_callback() -> None:
    for attach in ("listen", "add_done_callback"):
        with an_environment() as environment:
            exited = threading.Event()

            def leave(
                _: object, environment: ExternalEnvironment = environment, done: threading.Event = exited
            ) -> None:
                environment.exit()
                done.set()

            task = environment.submit(FUNCTIONS, "echo", (1,), start=False)
            if attach == "listen":
                task.listen(leave)
            else:
                task.future.add_done_callback(leave)
            task.start()
            assert exited.wait(DEADLINE)
            assert not environment.launched()


def test_exit_before_a_launch_does_nothing() -> None:
    environment = unlaunched()

    environment.exit()

    assert not environment.launched()


def test_children_of_a_worker_that_has_to_be_killed_are_killed_too() -> None:
    with an_environment() as environment:
        child = environment.execute(FUNCTIONS, "leaves_a_child")
        assert isinstance(child, int)
        task = environment.submit(FUNCTIONS, "ignores_everything")
        eventually(lambda: task.message, "the task runs")
        assert is_running(child)
        environment.exit()

        eventually(lambda: not is_running(child), "the child has ended")
