"""Tasks of a driver that does what a test says, and a listener that remembers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pools import DEADLINE
from wetlands.task import Task, TaskEventType, TaskFailure, TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands.task import TaskEvent

FAILURE = TaskFailure(category=TaskFailureCategory.UNKNOWN, message="it went wrong", traceback="Traceback: here")


class FakeDriver:
    """Counts what it is told, and does what the test gives it to do."""

    def __init__(self) -> None:
        self.starts = 0
        self.cancels = 0
        self.on_start: Callable[[], object] = lambda: None
        self.on_cancel: Callable[[], object] = lambda: None

    def start(self) -> None:
        self.starts += 1
        self.on_start()

    def cancel(self, force_after: float | None = None) -> None:
        self.cancels += 1
        self.on_cancel()

    def stack(self) -> str:
        return "the stack"


def a_task(driver: FakeDriver | None = None) -> Task[object]:
    return Task(lambda _: driver or FakeDriver(), "module:function")


def running(driver: FakeDriver | None = None) -> Task[object]:
    task = a_task(driver).start()
    assert task._set_running()
    return task


def at_once(task: Task[object], result: object) -> Callable[[], None]:
    """For `on_start`: the task runs and completes before the driver returns."""

    def run() -> None:
        assert task._set_running()
        task._complete(result)

    return run


class Heard:
    """A listener that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[TaskEvent] = []
        self.ended = threading.Event()

    def __call__(self, event: TaskEvent) -> None:
        self.events.append(event)
        if event.type in {TaskEventType.COMPLETION, TaskEventType.FAILURE, TaskEventType.CANCELATION}:
            self.ended.set()

    @property
    def types(self) -> list[str]:
        assert self.ended.wait(DEADLINE)
        return [event.type.name for event in self.events]
