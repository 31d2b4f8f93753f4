"""Who listens to a task hears everything in order, and can harm nobody."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, in_thread
from tasks import FAILURE, Heard, a_task, running
from wetlands._tasks.delivery import delivery
from wetlands.task import TaskEventType, TaskStatus

if TYPE_CHECKING:
    from wetlands.task import TaskEvent


@pytest.fixture(autouse=True)
def _quick_end_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_idle_seconds", 0.001)


def test_a_listener_hears_everything_in_order_with_the_progress_of_that_moment() -> None:
    task = a_task().start()
    seen: list[tuple[str, str | None, object]] = []
    task.listen(lambda event: seen.append((event.type.name, event.task.message, event.task.current)))

    task._set_running()
    for step in range(100):
        task._set_progress(f"step {step}", step, 100)
    task._complete(None)
    task.wait_for(DEADLINE)

    steps = [("UPDATE", f"step {step}", step) for step in range(100)]
    assert [("STARTED", None, None), *steps, ("COMPLETION", "step 99", 99)] == seen


def test_a_late_listener_is_told_the_end_at_once() -> None:
    task = running()
    task._fail(FAILURE)
    heard = Heard()

    task.listen(heard)

    assert [(TaskEventType.FAILURE, task)] == [(event.type, event.task) for event in heard.events]


def test_a_failing_listener_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    task = running()
    heard = Heard()

    def bad(_: TaskEvent) -> None:
        raise ZeroDivisionError("of the listener")

    task.listen(bad)
    task.listen(heard)
    with caplog.at_level(logging.ERROR, "wetlands"):
        task._set_progress("one", None, None)
        task._complete(1)
        task.wait_for(DEADLINE)

    assert ["UPDATE", "COMPLETION"] == heard.types
    assert 2 == caplog.text.count("ZeroDivisionError: of the listener")


def test_a_slow_listener_holds_up_neither_the_task_nor_those_who_wait_for_it() -> None:
    task, go_on = running(), threading.Event()
    task.listen(lambda _: go_on.wait(DEADLINE))

    task._set_progress("one", None, None)
    task._complete(1)

    assert 1 == task.future.result(0)
    go_on.set()
    task.wait_for(DEADLINE)


def test_a_listener_may_wait_for_its_own_task() -> None:
    task, waited = running(), Heard()

    def listener(event: TaskEvent) -> None:
        event.task.wait_for(DEADLINE)
        waited(event)

    task.listen(listener)
    task._set_progress("now the listener waits", None, None)
    task._complete(1)

    assert ["UPDATE", "COMPLETION"] == waited.types


def test_a_removed_listener_hears_no_more_and_an_unknown_one_is_ignored() -> None:
    task, heard, other = running(), Heard(), Heard()
    task.listen(heard)
    task.listen(other)

    task.remove_listener(heard)
    task.remove_listener(heard)
    task._complete(1)

    assert (["COMPLETION"], []) == (other.types, heard.events)


def test_a_listener_that_never_keeps_up_costs_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands._tasks.audience._MOST_WAITING", 10)
    task, go_on, heard = running(), threading.Event(), Heard()

    def slow(event: TaskEvent) -> None:
        go_on.wait(DEADLINE)
        heard(event)

    task.listen(slow)
    for step in range(10_000):
        task._set_progress(None, step, None)
    assert 11 >= len(task._audience._untold)
    task._complete(1)
    go_on.set()

    assert "COMPLETION" == heard.types[-1]
    assert 9_999 == heard.events[-2].current


def test_a_done_callback_may_wait_for_other_tasks() -> None:
    first, second, results = running(), running(), []
    told = threading.Event()

    def callback(future: object) -> None:
        results.append(second.wait_for(DEADLINE).result)
        told.set()

    first.future.add_done_callback(callback)
    first._complete(1)
    second._complete(2)  # by the same thread: the callback must not have been run on it

    assert told.wait(DEADLINE)
    assert [2] == results


def test_a_failing_done_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    task, told = running(), threading.Event()

    def callback(_: object) -> None:
        told.set()
        raise ZeroDivisionError("of the callback")

    task.future.add_done_callback(callback)
    with caplog.at_level(logging.ERROR, "wetlands"):
        task._complete(1)
        assert told.wait(DEADLINE)
        task.wait_for(DEADLINE)
        in_thread(lambda: None)()

    assert TaskStatus.COMPLETED is task.status
