"""Looking into running workers: what they do, also when they cannot answer."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, pids, pool_of, say, suspend
from wetlands._pool.stacks import worker_stack

if TYPE_CHECKING:
    from wetlands._pool.worker import Worker
    from wetlands.task import Task

LINUX = Path("/proc/self/stat").exists()


def running(task: Task[object]) -> Task[object]:
    eventually(lambda: task.message == "begun", "the task")
    return task


def test_the_stack_of_a_running_task_ends_in_what_it_does_and_hides_our_frames() -> None:
    with an_environment() as environment:
        task = environment.submit(FUNCTIONS, "sleeps")
        eventually(lambda: "time.sleep(seconds)" in task.stack(), "it sleeps")
        lines = task.stack().splitlines()

        assert "Stack of the main thread (most recent call last):" == lines[0]
        assert "    time.sleep(seconds)" in lines
        assert 3 == len(lines)
        task.cancel(force_after=0)
        task.wait_for(DEADLINE)


@pytest.mark.parametrize("function", ["reports_slowly", "reports_slowly_from_a_thread"])
def test_the_stack_of_a_task_that_reports_something_has_the_function_that_does(function: str) -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, function))
        eventually(lambda: "in __reduce__" in task.stack(), "it encodes what it reports")

        assert "in reports_slowly\n" in task.stack()
        task.cancel(force_after=0)
        task.wait_for(DEADLINE)


def test_a_task_that_does_not_run_has_no_stack_and_says_so() -> None:
    with an_environment() as environment:
        running(environment.submit(FUNCTIONS, "until_canceled"))
        waiting = environment.submit(FUNCTIONS, "echo")

        assert "does not run" in waiting.stack()
        environment.exit()
        assert "does not run" in waiting.stack()


@pytest.mark.skipif(not LINUX, reason="needs a signal")
def test_a_worker_that_holds_the_lock_of_python_is_looked_into_again_and_again() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "counts"))
        stacks = [task.stack() for _ in range(2)]

        for stack in stacks:
            assert stack.startswith("Native code holds Python's lock")
            assert 1 == stack.count("in counts")
            assert "wetlands_worker" not in stack
        task.cancel(force_after=0)
        task.wait_for(DEADLINE)


@pytest.mark.skipif(not LINUX, reason="needs a signal")
def test_the_failure_of_a_timed_out_native_call_has_a_stack() -> None:
    with an_environment() as environment:
        error = environment.submit(FUNCTIONS, "counts", timeout=1.0).wait_for(DEADLINE).error

        assert error is not None
        assert "in counts" in str(error.traceback)


@pytest.mark.skipif(not LINUX, reason="suspends a process")
def test_a_suspended_worker_has_no_stack_and_says_so_in_bounded_time() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "sleeps"))
        (pid,) = pids(environment)
        suspend(pid)
        try:
            assert f"No stack: worker 0 pid {pid} is stopped (by SIGSTOP or a debugger)." == task.stack()
        finally:
            os.kill(pid, signal.SIGCONT)


def test_all_workers_are_looked_into_at_once() -> None:
    with an_environment(max_workers=3) as environment:
        tasks = [running(environment.submit(FUNCTIONS, name)) for name in ("sleeps", "spins")]
        stacks = environment.stacks()

        assert [0, 1, 2] == list(stacks)
        assert 1 == sum("in sleeps" in stack for stack in stacks.values())
        assert 1 == sum("in spins" in stack for stack in stacks.values())
        assert 1 == sum("(no task runs)" in stack for stack in stacks.values())
        for task in tasks:
            task.cancel(force_after=0)


def test_looking_disturbs_nobody(tmp_path: Path) -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "go"),)))
        for _ in range(20):
            assert "in wait_for_file" in task.stack()
        say(tmp_path / "go")

        assert str(tmp_path / "go") == task.wait_for(DEADLINE).result
        assert "next" == environment.execute(FUNCTIONS, "echo", ("next",))


def test_a_signal_that_asks_for_the_stack_does_not_shorten_a_sleep() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "naps_for", (0.5,)))
        process = pool_of(environment).workers[0].process
        for _ in range(5):
            process.dump_stacks(1.0)

        slept = task.wait_for(DEADLINE).result
        assert isinstance(slept, float)
        assert slept >= 0.5


def test_a_task_that_has_ended_is_not_shown_the_stack_of_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "until_canceled"))

        def asked_too_late(worker: Worker) -> str:
            task.cancel()
            task.wait_for(DEADLINE)
            running(environment.submit(FUNCTIONS, "until_canceled"))
            return worker_stack(worker)

        monkeypatch.setattr("wetlands._pool.pool.worker_stack", asked_too_late)

        assert "No stack: it has just ended." == task.stack()
