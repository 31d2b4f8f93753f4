"""A task is one state machine: who may move it where, and what waiting for it gives."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import FIRST_COMPLETED, CancelledError, InvalidStateError, as_completed, wait
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, in_thread
from tasks import FAILURE, FakeDriver, Heard, a_task, at_once, running
from wetlands._tasks.delivery import delivery
from wetlands.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _quick_end_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_idle_seconds", 0.001)


def test_a_new_task_waits_and_has_nothing_to_show() -> None:
    task = a_task()

    assert TaskStatus.PENDING is task.status
    assert (None, None, None, None, None, {}) == (
        task.error,
        task.exception,
        task.traceback,
        task.message,
        task.progress,
        dict(task.outputs),
    )


@pytest.mark.parametrize("state", ["pending", "running", "failed", "canceled"])
def test_the_result_of_a_task_that_has_not_completed_is_an_error_and_never_waits(state: str) -> None:
    task = a_task() if state == "pending" else running()
    if state == "failed":
        task._fail(FAILURE)
    elif state == "canceled":
        task._settle_canceled()

    with pytest.raises(InvalidStateError, match=state):
        _ = task.result


def test_a_completed_task_has_its_result_in_the_task_and_in_the_future() -> None:
    task = running()

    task._complete([1])

    assert (TaskStatus.COMPLETED, [1], [1]) == (task.status, task.result, task.future.result(0))
    assert task.wait_for(0) is task


def test_the_failure_of_a_task_is_one_object_wherever_it_is_looked_at() -> None:
    task = running()

    task._fail(FAILURE)

    assert task.exception is not None
    assert task.error is task.exception.failure
    assert task.future.exception(0) is task.exception
    assert task.traceback == FAILURE.traceback
    assert TaskStatus.FAILED is task.status


@pytest.mark.parametrize("end", ["_settle_canceled", "_complete", "_fail"])
def test_nothing_moves_a_task_that_has_ended(end: str) -> None:
    task = running()
    heard = Heard()
    task.listen(heard)
    ends: dict[str, Callable[[], object]] = {
        "_complete": partial(task._complete, 1),
        "_fail": partial(task._fail, FAILURE),
        "_settle_canceled": task._settle_canceled,
    }
    ends[end]()
    status = task.status

    for other in ends.values():
        other()
    task._set_progress("late", 1, 2)
    task._set_output("late", 1)
    task._drop()

    assert not task._set_running()
    assert (status, None, {}) == (task.status, task.message, dict(task.outputs))
    assert 1 == len(heard.types)


def test_a_running_task_that_is_canceled_ends_its_future_too() -> None:
    task = running()
    assert task.future.running()

    task._settle_canceled()

    assert (TaskStatus.CANCELED, True, False) == (task.status, task.future.cancelled(), task.future.running())
    assert task.wait_for(0) is task


def test_only_what_still_waits_can_be_dropped() -> None:
    waiting, busy = a_task().start(), running()

    waiting._drop()
    busy._drop()

    assert (TaskStatus.CANCELED, TaskStatus.RUNNING) == (waiting.status, busy.status)


def test_ids_and_numbers_of_tasks_never_come_twice() -> None:
    tasks = [a_task() for _ in range(1000)]

    assert 1000 == len({task.id for task in tasks}) == len({task.number for task in tasks})


def test_a_task_that_nobody_keeps_is_forgotten() -> None:
    task = running()
    task.listen(lambda _: None)
    task._complete(1)
    task.wait_for(0)
    gone = threading.Event()
    weakref.finalize(task, gone.set)

    del task
    gc.collect()

    assert gone.wait(DEADLINE), "something keeps every task that ever was"


def test_a_task_is_started_once_however_often_it_is_asked() -> None:
    driver = FakeDriver()
    task = a_task(driver)

    starts = [in_thread(task.start) for _ in range(8)]
    for finish in starts:
        finish()
    with task:
        task._set_running()
        task.start()
        task._complete(None)

    assert 1 == driver.starts


def test_a_task_that_was_canceled_before_it_was_started_never_starts() -> None:
    driver = FakeDriver()
    task = a_task(driver)

    task.cancel()
    task.start()

    assert (0, 0, TaskStatus.CANCELED) == (driver.starts, driver.cancels, task.status)


def test_waiting_starts_a_task_that_nobody_has_started() -> None:
    driver = FakeDriver()
    task = a_task(driver)
    driver.on_start = at_once(task, 7)

    assert 7 == task.wait_for(DEADLINE).result


def test_a_cancel_while_the_driver_is_told_to_start_reaches_it_afterwards() -> None:
    driver = FakeDriver()
    task = a_task(driver)
    queue: list[str] = []

    def enqueue() -> None:
        in_thread(task.cancel)()  # the driver does not know the task yet
        queue.append("task")

    driver.on_start = enqueue
    driver.on_cancel = lambda: task._drop() if queue else None

    task.start()

    assert TaskStatus.CANCELED is task.status


def test_cancel_asks_the_driver_of_a_started_task_once() -> None:
    driver = FakeDriver()
    task = running(driver)

    task.cancel()
    task.cancel()

    assert (1, True, TaskStatus.RUNNING) == (driver.cancels, task.cancel_requested, task.status)


def test_a_task_that_returns_normally_after_cancel_completes() -> None:
    task = running()

    task.cancel()
    task._complete("all the same")

    assert (TaskStatus.COMPLETED, "all the same") == (task.status, task.result)


def test_cancelling_the_future_cancels_the_task() -> None:
    driver = FakeDriver()
    waiting, busy = a_task(), running(driver)

    assert waiting.future.cancel()
    assert not busy.future.cancel()

    assert (TaskStatus.CANCELED, 1) == (waiting.status, driver.cancels)


def test_futures_of_canceled_tasks_are_done_for_concurrent_futures() -> None:
    dropped, stopped, pending = a_task(), running(), a_task()
    waiting = in_thread(lambda: wait([dropped.future, stopped.future], DEADLINE))

    dropped.cancel()
    stopped._settle_canceled()

    assert ({dropped.future, stopped.future}, set()) == waiting()
    assert {dropped.future} == wait([dropped.future, pending.future], 0, FIRST_COMPLETED).done
    assert {dropped.future, stopped.future} == set(as_completed([dropped.future, stopped.future], 0))
    with pytest.raises(CancelledError):
        dropped.future.result(0)


def test_waiting_longer_than_asked_for_is_an_error_that_leaves_the_task_alone() -> None:
    driver = FakeDriver()
    task = running(driver)

    with pytest.raises(TimeoutError, match=r"module:function.*unfinished"):
        task.wait_for(0)

    assert (0, TaskStatus.RUNNING) == (driver.cancels, task.status)


def test_waiting_for_a_failed_task_does_not_raise() -> None:
    task = running()
    task._fail(FAILURE)

    assert task.wait_for(0).error is FAILURE


def test_leaving_the_with_block_early_cancels_and_waits() -> None:
    driver = FakeDriver()
    task = running(driver)
    driver.on_cancel = lambda: in_thread(task._settle_canceled)

    with task:
        pass

    assert TaskStatus.CANCELED is task.status


def test_leaving_the_with_block_after_the_end_asks_nothing() -> None:
    driver = FakeDriver()
    with running(driver) as task:
        task._complete(1)

    assert (0, 1) == (driver.cancels, task.result)


@pytest.mark.parametrize(
    "current, maximum, expected",
    [(None, 10, None), (5, None, None), (5, 10, 0.5), (20, 10, 1.0), (-1, 10, 0.0), (0, 10, 0.0), (5, 0, None)],
)
def test_progress_is_a_part_between_0_and_1_or_nothing(
    current: int | None, maximum: int | None, expected: float | None
) -> None:
    task = running()

    task._set_progress(None, current, maximum)

    assert expected == task.progress


def test_what_an_update_does_not_say_stays_as_it_was() -> None:
    task = running()

    task._set_progress("working", 1, 10)
    task._set_progress(None, 2, None)

    assert ("working", 2, 10) == (task.message, task.current, task.maximum)


def test_outputs_cannot_be_written_by_those_who_read_them() -> None:
    task = running()
    task._set_output("mask", 1)

    with pytest.raises(TypeError):
        task.outputs["mask"] = 2  # type: ignore[index]  # which is the point

    assert {"mask": 1} == dict(task.outputs)


class KeepsItsTask(FakeDriver):
    """As that of a pool does."""

    task: object = None


@pytest.mark.parametrize("end", ["_complete", "_settle_canceled"])
def test_what_a_task_gave_goes_with_it_and_does_not_wait_for_a_garbage_collector(end: str) -> None:
    class Large:
        pass

    gc.disable()
    try:
        driver = KeepsItsTask()
        driver.task = task = running(driver)
        output = Large()
        outputs = weakref.ref(output)
        task._set_output("large", output)
        del output, driver
        getattr(task, end)(*[Large()][: end == "_complete"])
        del task

        assert outputs() is None
    finally:
        gc.enable()


def test_a_task_that_has_ended_can_still_be_asked_for_everything() -> None:
    driver = FakeDriver()
    task = running(driver)
    task._complete(7)

    task.start()
    task.cancel()
    assert (False, False, True) == (task.future.cancel(), task.future.running(), task.future.done())
    assert (1, 0, 7) == (driver.starts, driver.cancels, task.result)
