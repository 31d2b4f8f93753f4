"""What starts and cancels a task of a pool."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._pool.call import TaskCall
from wetlands._pool.callbacks import called_from
from wetlands.exceptions import NotLaunchedError
from wetlands_worker.failures import TaskFailure, TaskFailureCategory
from wetlands_worker.values import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._pool.call import Work
    from wetlands._pool.pool import Pool
    from wetlands.task import Task

__all__ = ["PooledTask"]

T = TypeVar("T")


class PooledTask(Generic[T]):
    """What runs a task in a pool: the driver of the task."""

    def __init__(
        self,
        task: Task[T],
        work: Callable[[], Work],
        pool: Pool,
        made: Callable[[Work, Task[T]], TaskCall[T]] = TaskCall,
    ) -> None:
        self._pool = pool
        self._task = task
        self._call: TaskCall[T] | None = None
        self._problem = ("", "")  # what and where; the error itself would keep the value alive
        try:
            self._call = made(work(), task)
        except EncodeError as error:
            self._problem = (str(error), error.path)

    def start(self) -> None:
        """Give the call to the pool; one that cannot be encoded fails here, by itself."""
        if self._call is not None:
            try:
                self._pool.submit(self._call)
                if called_from():  # in a callback, where waiting for it may be waiting for ever
                    self._task._future.line = partial(self._pool.waiting, self._call)  # noqa: SLF001 - its driver
            except NotLaunchedError as error:  # who waits for the task must not wait for ever
                self._call.failed(self._call.failure(TaskFailureCategory.ENVIRONMENT, str(error)))
                raise
            return
        message, path = self._problem
        self._task._fail(  # noqa: SLF001 - the driver of the task
            TaskFailure(
                category=TaskFailureCategory.SERIALIZATION,
                message=message,
                task_id=self._task.id,
                call_target=self._task.call_target,
                serialization_context=path,
            )
        )

    def cancel(self, force_after: float | None) -> None:
        """Drop the call, or ask its worker to stop it, and force it after so many seconds."""
        if self._call is not None:
            self._pool.cancel(self._call, force_after)

    def stack(self) -> str:
        """What its worker is doing."""
        return "No stack: it was never sent." if self._call is None else self._pool.stack(self._call)
