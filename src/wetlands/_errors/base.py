"""The root of the tree of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wetlands_worker.failures import TaskFailure

__all__ = ["WetlandsError"]


class WetlandsError(Exception):
    """The root of every error raised on purpose."""

    _failure: TaskFailure | None = None

    @property
    def failure(self) -> TaskFailure:
        """The error as data, as a task that failed with it has it in `Task.error`."""
        if self._failure is None:
            self.of_task(None, None)
        assert self._failure is not None  # noqa: S101 - narrows the type
        return self._failure

    def of_task(self, task_id: str | None, call_target: str | None) -> None:
        """Say in the failure which task it was that failed."""
        from wetlands_worker.failures import TaskFailure, TaskFailureCategory  # noqa: PLC0415 - errors are rare

        self._failure = TaskFailure(TaskFailureCategory.ENVIRONMENT, str(self), task_id, call_target)
