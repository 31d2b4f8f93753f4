"""Log records of tasks, remembered beside what their process writes."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from wetlands._launch.feed import Batch, History

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_RECORDS", "Noted"]

MOST_RECORDS = 10_000


class Noted:
    """The last records of ``task.log``, of all tasks of one process together; any thread may use it.

    Args:
        numbers: Counts records and other batches of lines, so that they can be put in order.
        max_lines: How many are kept.
    """

    def __init__(self, numbers: itertools.count[int] | None = None, max_lines: int = MOST_RECORDS) -> None:
        self._numbers = itertools.count() if numbers is None else numbers
        self._lock = threading.Lock()
        self._history = History(max_lines)

    def note(self, task_id: str, level: int, message: str) -> None:
        """Remember a record."""
        context = {"stream": "log", "task_id": task_id, "level": level}
        with self._lock:
            self._history.append(Batch(next(self._numbers), message.splitlines() or [""], context))

    def of_task(self, task_id: str, *, timeout: float = 0.0) -> Sequence[Batch]:  # noqa: ARG002 - nothing is on its way
        """The records of a task, in their order."""
        with self._lock:
            return [batch for batch in self._history if batch.context["task_id"] == task_id]
