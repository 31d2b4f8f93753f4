"""Cancelling what does not stop: asked, interrupted, killed, and nobody else is harmed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, is_running, pids, pool_of, suspend
from wetlands.task import Task, TaskEventType, TaskStatus

if TYPE_CHECKING:
    from wetlands.task import TaskEvent
    from wetlands_worker.handle import RemoteTaskHandle

LINUX = Path("/proc/self/stat").exists()


def running(task: Task[object]) -> Task[object]:
    eventually(lambda: task.message == "begun", "the task")
    return task


def steps_of(task: Task[object], force_after: float) -> list[str | None]:
    """What a listener is told while a task is cancelled by force."""
    heard: list[TaskEvent] = []
    task.listen(heard.append)
    task.cancel(force_after=force_after)
    task.wait_for(DEADLINE)
    assert TaskStatus.CANCELED is task.status, task.error
    assert TaskEventType.CANCELATION is heard[-1].type
    return [event.cancel_step for event in heard[:-1] if event.type is TaskEventType.UPDATE]


def test_a_function_that_looks_is_only_asked() -> None:
    with an_environment() as environment:
        before = pids(environment)
        task = running(environment.submit(FUNCTIONS, "until_canceled"))
        task.cancel(force_after=DEADLINE)

        assert "finished properly" == task.wait_for(DEADLINE).result
        assert ("asked", before) == (task.cancel_step, pids(environment))


def test_a_function_that_does_not_look_is_interrupted_and_its_worker_lives_on() -> None:
    with an_environment() as environment:
        before = pids(environment)

        assert ["asked", "interrupted"] == steps_of(running(environment.submit(FUNCTIONS, "sleeps")), 0.1)
        assert "next" == environment.execute(FUNCTIONS, "echo", ("next",))
        assert before == pids(environment)


@pytest.mark.parametrize("function", ["ignores_everything", "counts"])
def test_what_cannot_be_interrupted_is_killed_and_replaced(function: str) -> None:
    with an_environment(max_workers=2) as environment:
        neighbour = running(environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 1.5}))
        before = pids(environment)
        task = running(environment.submit(FUNCTIONS, function))

        assert ["asked", "interrupted", "killed"] == steps_of(task, 0.1)
        assert task.future.cancelled()
        assert TaskStatus.COMPLETED is neighbour.wait_for(DEADLINE).status
        eventually(lambda: len(pids(environment)) == 2, "a replacement")
        assert 1 == len(set(before) & set(pids(environment)))
        assert 1 == sum(map(is_running, before))


@pytest.mark.skipif(not LINUX, reason="suspends a process")
def test_a_suspended_worker_is_killed() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "sleeps"))
        suspend(pids(environment)[0])

        assert ["asked", "interrupted", "killed"] == steps_of(task, 0.1)
        assert "next" == environment.execute(FUNCTIONS, "echo", ("next",))


def test_a_task_that_waits_is_dropped_at_once() -> None:
    with an_environment() as environment:
        blocker = running(environment.submit(FUNCTIONS, "until_canceled"))
        waiting = environment.submit(FUNCTIONS, "never_called")
        waiting.cancel(force_after=DEADLINE)

        assert (TaskStatus.CANCELED, None) == (waiting.status, waiting.cancel_step)
        blocker.cancel()


def test_a_task_that_was_only_asked_can_be_forced_later() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "sleeps"))
        task.cancel()
        task.cancel()
        task.cancel(force_after=0)

        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status


def test_a_function_that_outlives_the_interrupt_and_returns_completes() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "returns_when_interrupted"))
        task.cancel(force_after=0.1)

        assert "tidied up" == task.wait_for(DEADLINE).result
        assert "next" == environment.execute(FUNCTIONS, "echo", ("next",))


def test_an_interrupt_that_overtakes_the_question_to_stop_cancels_too() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "sleeps"))
        (worker,) = pool_of(environment).workers
        call = pool_of(environment)._roster.running(worker)
        assert call is not None
        worker.interrupt(call)

        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status


def test_a_worker_whose_import_was_interrupted_is_replaced_for_its_modules_are_half_made(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "base.py").write_text("names = ['f']\n")
    (package / "__init__.py").write_text(
        "from .base import *\n"
        "import os, pathlib, time\n"
        "marker = pathlib.Path(__file__).with_name('marker')\n"
        "if not marker.exists():\n"
        "    marker.touch()\n"
        "    time.sleep(60)\n"
        "__all__ = base.names  # as asyncio does: bound by the first import of the submodule alone\n"
        "def f(): return os.getpid()\n"
    )
    with an_environment() as environment:
        (before,) = pids(environment)
        task = environment.submit(package / "__init__.py", "f")
        eventually((package / "marker").exists, "the import")
        task.cancel(force_after=0)

        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status
        after = [environment.execute(package / "__init__.py", "f") for _ in range(3)]
        assert 1 == len(set(after))
        assert before not in after


def test_the_task_of_a_context_manager_can_be_forced_on_the_way_out() -> None:
    with an_environment() as environment:
        with environment.submit(FUNCTIONS, "ignores_everything") as task:
            running(task)
            task.cancel(force_after=0)

        assert TaskStatus.CANCELED is task.status


def test_tasks_that_wait_behind_a_killed_one_run_on_the_replacement() -> None:
    with an_environment() as environment:
        stuck = running(environment.submit(FUNCTIONS, "counts"))
        waiting = [environment.submit(FUNCTIONS, "echo", (number,)) for number in range(10)]
        stuck.cancel(force_after=0.1)

        assert list(range(10)) == [task.wait_for(DEADLINE).result for task in waiting]


def test_what_was_forced_is_out_of_the_way_of_exit() -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "counts"))
        task.cancel(force_after=0)
        in_thread(environment.exit)()

        assert task.wait_for(DEADLINE).status.is_finished()


@pytest.mark.parametrize("wrong", [-1, math.inf, math.nan])
def test_a_time_that_is_none_is_refused_and_cancels_nothing(wrong: float) -> None:
    with an_environment() as environment:
        task = running(environment.submit(FUNCTIONS, "until_canceled"))
        with pytest.raises(ValueError, match="force_after is a number of seconds from 0 up"):
            task.cancel(force_after=wrong)
        assert not task.cancel_requested
        task.cancel()


def test_a_task_of_this_process_cannot_be_forced_and_says_so() -> None:
    from threading import Event

    from wetlands._pool.inprocess import InProcessTask
    from wetlands._tasks.delivery import Delivery

    begun, end = Event(), Event()

    def function(handle: RemoteTaskHandle) -> bool:
        begun.set()
        end.wait(DEADLINE)
        return handle.cancel_requested

    threads = Delivery(idle_seconds=0.1, most_threads=1)
    task: Task[bool] = Task(lambda task: InProcessTask(task, function, threads, "here"), "here:function").start()
    assert begun.wait(DEADLINE)
    with pytest.raises(ValueError, match="a call in this process cannot be ended by force"):
        task.cancel(force_after=1)
    end.set()

    assert task.wait_for(DEADLINE).result
