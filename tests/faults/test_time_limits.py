"""Calls that take too long, or say nothing for too long: how they end, and that nobody else is harmed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, is_running, pids, pool_of, suspend
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task, TaskFailure

LINUX = Path("/proc/self/stat").exists()


@contextmanager
def a_warm_environment(max_workers: int = 1) -> Iterator[ExternalEnvironment]:
    """Its workers have imported the module already, which takes its time on a busy machine and counts as theirs."""
    with an_environment(max_workers=max_workers) as environment:
        for task in [environment.submit(FUNCTIONS, "naps", (0.05,)) for _ in range(max_workers)]:
            assert TaskStatus.COMPLETED is task.wait_for(DEADLINE).status
        yield environment


def timed_out(task: Task[object]) -> TaskFailure:
    error = task.wait_for(DEADLINE).error
    assert error is not None, task
    assert (TaskFailureCategory.TIMEOUT, task.id) == (error.category, error.task_id)
    return error


def test_a_task_that_runs_out_of_its_time_fails_and_its_worker_is_replaced() -> None:
    with a_warm_environment() as environment:
        (first,) = pids(environment)
        error = timed_out(environment.submit(FUNCTIONS, "sleeps", timeout=0.3))

        assert (0.3, "pool_functions:sleeps") == (error.timeout, error.call_target)
        assert error.elapsed is not None
        assert error.elapsed >= 0.3
        assert "is stuck or waits in sleeps" in error.message
        assert "time.sleep(seconds)" in str(error.traceback)
        assert ["sleeps"] == [frame.name for frame in error.traceback_frames]
        assert str(error).startswith("pool_functions:sleeps timed out after 0.3 s: ")
        assert environment.execute(FUNCTIONS, "pid") != first
        assert not is_running(first)


def test_a_blocking_call_has_a_limit_too_and_other_threads_go_on_meanwhile() -> None:
    with a_warm_environment(2) as environment:
        category = in_thread(lambda: category_of_a_slow_call(environment))
        neighbours = [environment.execute(FUNCTIONS, "echo", (number,), timeout=DEADLINE) for number in range(50)]

        assert list(range(50)) == neighbours
        assert TaskFailureCategory.TIMEOUT is category()


def category_of_a_slow_call(environment: ExternalEnvironment) -> TaskFailureCategory:
    with pytest.raises(ExecutionException) as raised:
        environment.execute(FUNCTIONS, "sleeps", timeout=0.3)
    return raised.value.failure.category


def test_a_script_has_a_limit_too(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text("import time\ntime.sleep(60)\n", "utf-8")
    with a_warm_environment() as environment:
        assert "line 2" in str(timed_out(environment.submit_script(script, timeout=0.3)).traceback)  # type: ignore[arg-type]
        with pytest.raises(ExecutionException, match=r"timed out after 0\.3 s"):
            environment.run_script(script, timeout=0.3)


def test_a_task_waits_for_a_worker_outside_of_its_time() -> None:
    with a_warm_environment() as environment:
        before = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 0.6})
        quick = environment.submit(FUNCTIONS, "echo", ("quick",), timeout=0.3)

        assert "quick" == quick.wait_for(DEADLINE).result
        assert TaskStatus.COMPLETED is before.status


def test_only_the_overdue_task_fails_and_its_neighbours_do_not_notice() -> None:
    with a_warm_environment(2) as environment:
        neighbour = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 1.0})
        eventually(lambda: neighbour.message == "begun", "the neighbour")
        late = environment.submit(FUNCTIONS, "sleeps", timeout=0.2)
        waiting = [environment.submit(FUNCTIONS, "echo", (number,), timeout=DEADLINE) for number in range(20)]

        timed_out(late)
        assert list(range(20)) == [task.wait_for(DEADLINE).result for task in waiting]
        assert TaskStatus.COMPLETED is neighbour.wait_for(DEADLINE).status


def test_a_call_that_holds_the_lock_of_python_is_told_apart() -> None:
    with a_warm_environment() as environment:
        error = timed_out(environment.submit(FUNCTIONS, "counts", timeout=0.2))

        assert "busy in native code that holds Python's lock" in error.message


def test_a_function_that_computes_in_python_is_told_apart() -> None:
    with a_warm_environment() as environment:
        error = timed_out(environment.submit(FUNCTIONS, "spins", timeout=0.2))

        assert "answers, and the function is busy in spins" in error.message


@pytest.mark.skipif(not LINUX, reason="suspends a process")
def test_a_stopped_worker_is_told_apart() -> None:
    with a_warm_environment() as environment:
        task = environment.submit(FUNCTIONS, "sleeps", timeout=1.0)
        eventually(lambda: task.message == "begun", "the task")
        suspend(pids(environment)[0])

        assert "is stopped" in timed_out(task).message
        assert "after" == environment.execute(FUNCTIONS, "echo", ("after",))


@pytest.mark.skipif(not LINUX, reason="suspends a process")
def test_a_call_that_a_stopped_worker_never_began_runs_elsewhere() -> None:
    with a_warm_environment() as environment:
        suspend(pids(environment)[0])

        assert "elsewhere" == environment.execute(FUNCTIONS, "echo", ("elsewhere",), timeout=0.5)


def test_a_silent_task_fails_after_the_worker_timeout() -> None:
    with an_environment(worker_timeout=1.0) as environment:
        error = timed_out(environment.submit(FUNCTIONS, "sleeps"))

        assert 1.0 == error.timeout
        assert error.message.startswith("no sign of life (progress, output, log) for 1 s; ")
        assert "time.sleep(seconds)" in str(error.traceback)


@pytest.mark.parametrize("how", ["update", "output", "log", "print"])
def test_any_sign_of_life_keeps_a_task_running(how: str) -> None:
    with an_environment(worker_timeout=1.5) as environment:
        task = environment.submit(FUNCTIONS, "gives_signs", (how, 20, 0.1))

        assert 20 == task.wait_for(DEADLINE).result


def test_a_long_native_call_is_fine_without_a_worker_timeout() -> None:
    with a_warm_environment() as environment:
        assert "held" == environment.submit(FUNCTIONS, "holds_the_lock", (1.5,)).wait_for(DEADLINE).result


def test_idle_workers_are_never_overdue() -> None:
    with an_environment(worker_timeout=1.0) as environment:
        first = pids(environment)
        assert 1 == environment.execute(FUNCTIONS, "echo", (1,))
        worker = pool_of(environment).workers[0]
        eventually(lambda: worker.due is None, "the look at the worker")

        assert first == pids(environment)


def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with an_environment(worker_timeout=DEADLINE) as environment:
        task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 0.5}, timeout=DEADLINE)
        overdue = environment.submit(FUNCTIONS, "sleeps", timeout=0.3)
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda: real() + 86_400)
            assert TaskStatus.COMPLETED is task.wait_for(DEADLINE).status
            patched.setattr(time, "time", lambda: real() - 86_400)
            timed_out(overdue)


def test_each_call_of_a_map_has_its_own_time() -> None:
    with a_warm_environment(2) as environment:
        assert [0.2] * 6 == list(environment.map(FUNCTIONS, "naps", [0.2] * 6, call_timeout=1.0))
        with pytest.raises(ExecutionException, match=r"timed out after 0\.3 s"):
            list(environment.map(FUNCTIONS, "naps", [0.0, 0.0, 60.0, 0.0], call_timeout=0.3))
        assert 2 == environment.execute(FUNCTIONS, "echo", (2,))


def test_short_calls_that_travel_together_are_timed_one_by_one() -> None:
    with an_environment(worker_timeout=1.5) as environment:
        naps = [0.0] * 2000 + [0.01] * 220  # the whole takes longer than the limit, no call does

        assert naps == list(environment.map(FUNCTIONS, "naps", naps, call_timeout=1.5))


def test_a_call_that_is_over_in_time_costs_one_look_for_many() -> None:
    with a_warm_environment() as environment:
        for number in range(200):
            assert number == environment.execute(FUNCTIONS, "echo", (number,), timeout=DEADLINE)
        worker = pool_of(environment).workers[0]

        assert worker.due is not None
        assert worker.due <= time.monotonic() + DEADLINE


def test_exit_during_an_examination_waits_for_nobody() -> None:
    with a_warm_environment() as environment:
        task = environment.submit(FUNCTIONS, "counts", timeout=0.2)
        eventually(lambda: task.message == "begun", "the task")
        environment.exit()

        assert TaskStatus.FAILED is task.wait_for(DEADLINE).status


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_limit_that_is_no_time_is_refused_before_anything_runs(wrong: float) -> None:
    with a_warm_environment() as environment:
        for verb in (environment.execute, environment.submit):
            with pytest.raises(ValueError, match="timeout is a number of seconds above 0"):
                verb(FUNCTIONS, "never_called", timeout=wrong)
        with pytest.raises(ValueError, match="call_timeout is"):
            environment.map(FUNCTIONS, "never_called", [1], call_timeout=wrong)
