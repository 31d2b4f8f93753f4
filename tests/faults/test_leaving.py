"""Leaving what runs: a `with` block, an `await`, a blocking call. A function that ignores it hangs nobody."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, pids
from wetlands.task import TaskEventType, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task, TaskEvent

GRACE = 0.1


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands.task.GRACE_SECONDS", GRACE)
    monkeypatch.setattr("wetlands._pool.pool.GRACE_SECONDS", GRACE)


def running(task: Task[object]) -> Task[object]:
    eventually(lambda: task.message == "begun", "the task")
    return task


def listened(environment: ExternalEnvironment, function: str) -> tuple[Task[object], list[TaskEvent]]:
    heard: list[TaskEvent] = []
    task = environment.submit(FUNCTIONS, function, start=False)
    task.listen(heard.append)
    return running(task.start()), heard


def steps(heard: list[TaskEvent]) -> list[str]:
    return [event.cancel_step for event in heard if event.type is TaskEventType.UPDATE and event.cancel_step]


@pytest.mark.parametrize(
    "function, climbed",
    [
        ("sleeps", ["asked", "interrupted"]),
        ("ignores_everything", ["asked", "interrupted", "killed"]),
        ("counts", ["asked", "interrupted", "killed"]),
    ],
)
def test_leaving_a_block_climbs_until_the_function_ends_and_each_step_is_an_event(
    function: str, climbed: list[str]
) -> None:
    with an_environment() as environment:
        task, heard = listened(environment, function)
        with task:
            pass

        assert TaskStatus.CANCELED is task.status
        assert climbed == steps(heard)
        assert "next" == environment.execute(FUNCTIONS, "echo", ("next",))


def test_leaving_an_asynchronous_block_climbs_too() -> None:
    with an_environment() as environment:
        task, heard = listened(environment, "ignores_everything")

        async def leave() -> None:
            async with task:
                pass

        asyncio.run(leave())
        assert TaskStatus.CANCELED is task.status
        eventually(lambda: len(steps(heard)) == 3, "the listener has been told")


def test_a_function_that_looks_is_only_asked_when_a_block_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands.task.GRACE_SECONDS", DEADLINE)
    with an_environment() as environment:
        with running(environment.submit(FUNCTIONS, "until_canceled")) as task:
            pass

        assert ("finished properly", "asked") == (task.result, task.cancel_step)


def test_the_patience_that_was_asked_for_before_stands() -> None:
    with an_environment() as environment:
        with running(environment.submit(FUNCTIONS, "returns_when_canceled_after", (0.5,))) as task:
            task.cancel(force_after=DEADLINE)

        assert ("slowly", "asked") == (task.result, task.cancel_step)


def test_an_await_that_is_cancelled_returns_at_once_and_its_function_is_ended_by_force() -> None:
    with an_environment() as environment:
        (before,) = pids(environment)
        task, heard = listened(environment, "ignores_everything")

        async def await_it() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(task, 0.05)
            assert not task.status.is_finished()

        asyncio.run(await_it())
        task.wait_for(DEADLINE)

        assert TaskStatus.CANCELED is task.status
        assert ["asked", "interrupted", "killed"] == steps(heard)
        assert before != environment.execute(FUNCTIONS, "pid")


def test_a_gathering_that_is_cancelled_frees_all_its_workers() -> None:
    with an_environment(max_workers=2) as environment:
        tasks = [running(environment.submit(FUNCTIONS, name)) for name in ("sleeps", "counts")]

        async def gather() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.gather(*tasks), 0.05)

        asyncio.run(gather())

        assert [TaskStatus.CANCELED] * 2 == [task.wait_for(DEADLINE).status for task in tasks]
        assert [0, 1, 2, 3] == list(environment.map(FUNCTIONS, "echo", range(4)))


def interrupt_when(condition: object) -> threading.Thread:
    """Ctrl-C for this thread, the main one, as soon as something holds."""

    def wait_and_interrupt() -> None:
        eventually(condition, "the moment of Ctrl-C")  # type: ignore[arg-type]  # a lambda
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=wait_and_interrupt)
    thread.start()
    return thread


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX")
def test_ctrl_c_in_a_blocking_call_ends_its_function_by_force(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with an_environment() as environment:
        (before,) = pids(environment)
        thread = interrupt_when(begun.exists)
        with pytest.raises(KeyboardInterrupt):
            environment.execute(FUNCTIONS, "ignores_everything", (), {"path": str(begun)})
        thread.join()

        assert before != environment.execute(FUNCTIONS, "pid")


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX")
def test_ctrl_c_while_a_block_waits_ends_its_function_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands.task.GRACE_SECONDS", 3600.0)
    with an_environment() as environment:
        task, _ = listened(environment, "ignores_everything")
        thread = interrupt_when(lambda: task.cancel_step == "asked")
        with pytest.raises(KeyboardInterrupt), task:
            pass
        thread.join()

        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status
        assert "killed" == task.cancel_step
