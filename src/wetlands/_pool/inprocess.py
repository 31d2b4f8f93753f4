"""Calls that run in this process, on threads of ours."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._launch.noted import Noted
from wetlands._pool.limits import refuse_timeouts
from wetlands.exceptions import ExecutionException
from wetlands.logger import logger
from wetlands.task import TaskStatus
from wetlands_worker.failures import TaskFailure, TaskFailureCategory, describe, frames, is_cancellation
from wetlands_worker.handle import RemoteTaskHandle, provide

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._tasks.delivery import Delivery
    from wetlands._tasks.events import Number
    from wetlands.task import Task

__all__ = ["InProcessStream", "InProcessTask", "TaskReporter", "failure_of", "running"]

T = TypeVar("T")


class _Running(threading.local):
    """The handle of the task that this thread runs."""

    handle: RemoteTaskHandle | None = None


running = _Running()
_noted = Noted()
provide(lambda: running.handle)


class TaskReporter(Generic[T]):
    """Passes what a handle reports on to a task, or to the log where there is none. The Reporter of a handle."""

    def __init__(self, task: Task[T] | None, environment: str, call_target: str, noted: Noted | None = None) -> None:
        self._task = task
        self._noted = noted
        self._environment = environment
        self._call_target = call_target

    def progress(self, _number: int, message: str | None, current: Number | None, maximum: Number | None) -> bool:
        """It is always taken."""
        if self._task is not None:
            self._task._set_progress(message, current, maximum)  # noqa: SLF001 - the driver of the task
        return True

    def progress_later(self, handle: RemoteTaskHandle) -> None:
        """Never needed."""

    def output(self, _number: int, key: str, value: object) -> None:
        """A named result."""
        if self._task is not None:
            self._task._set_output(key, value)  # noqa: SLF001 - the driver of the task

    def log(self, _number: int, level: int, message: str) -> None:
        """A log record."""
        if self._noted is not None and self._task is not None:
            self._noted.note(self._task.id, level, message)
        logger.log_execution(
            level,
            "%s",
            message,
            env_name=self._environment,
            call_target=self._call_target,
            task_id=None if self._task is None else self._task.id,
        )

    def late(self, what: str) -> None:
        """A report of a thread that outlived its task."""
        self.log(0, 30, f"task.{what}() was called after its function had returned; it is ignored")


class InProcessTask(Generic[T]):
    """What runs a task on a thread of this process: the driver of the task."""

    def __init__(
        self, task: Task[T], function: Callable[[RemoteTaskHandle], T], threads: Delivery, environment: str
    ) -> None:
        self._task = task
        self._function = function
        self._threads = threads
        self._thread: int | None = None
        task._remembers = _noted  # noqa: SLF001 - the driver of the task
        self._handle = RemoteTaskHandle(task.number, TaskReporter(task, environment, task.call_target, _noted))

    def start(self) -> None:
        """Queue it."""
        self._threads.submit(self._run)

    def cancel(self, force_after: float | None) -> None:
        """Drop it while it waits; ask it to stop while it runs."""
        self._handle.cancel_requested = True
        self._task._drop()  # noqa: SLF001 - the driver of the task
        if self._task.status is TaskStatus.RUNNING:
            refuse_timeouts(force_after=force_after)

    def stack(self) -> str:
        """What its thread is doing."""
        from wetlands._pool.stacks import named_stacks  # noqa: PLC0415 - most programs never ask
        from wetlands_worker.stacks import stacks  # noqa: PLC0415 - see above

        if self._thread is None:
            return "No stack: no thread runs it."
        return str(named_stacks(stacks(self._thread, 0))[0])

    def _run(self) -> None:
        task = self._task
        if not task._set_running():  # noqa: SLF001 - the driver of the task
            return
        began = time.monotonic()
        self._thread = threading.get_ident()
        running.handle = self._handle
        try:
            result = self._function(self._handle)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is an answer
            canceled = self._handle._finish()  # noqa: SLF001 - the other half of the handle
            if canceled or (self._handle.cancel_requested and is_cancellation(error)):
                task._settle_canceled()  # noqa: SLF001 - the driver of the task
            else:
                failure = failure_of(error, task.call_target, task.id, time.monotonic() - began)
                task._fail(failure)  # noqa: SLF001 - the driver of the task
            return
        finally:
            running.handle = None
        if self._handle._finish():  # noqa: SLF001 - the other half of the handle
            task._settle_canceled()  # noqa: SLF001 - the driver of the task
        else:
            task._complete(result)  # noqa: SLF001 - the driver of the task


class InProcessStream(InProcessTask[T]):
    """A task that may be waiting until its items are taken.

    Args:
        wake: Lets it look whether it should stop.
    """

    def __init__(
        self,
        task: Task[T],
        function: Callable[[RemoteTaskHandle], T],
        threads: Delivery,
        environment: str,
        wake: Callable[[], None],
    ) -> None:
        super().__init__(task, function, threads, environment)
        self._wake = wake

    def cancel(self, force_after: float | None) -> None:
        """As that of a task."""
        try:
            super().cancel(force_after)
        finally:
            self._wake()


def failure_of(error: BaseException, call_target: str, task_id: str | None, elapsed: float) -> TaskFailure:
    """An exception of user code as data."""
    if isinstance(error, ExecutionException):  # of a call that the function made itself
        return error.failure
    info = describe(error)
    return TaskFailure(
        category=TaskFailureCategory.REMOTE_EXCEPTION,
        message=info.message,
        task_id=task_id,
        call_target=call_target,
        traceback=info.traceback,
        traceback_frames=frames(error),
        remote_exception=info,
        elapsed=elapsed,
    )
