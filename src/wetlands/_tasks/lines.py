"""The lines of a task, as they are handed out: what they are, and where they are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from wetlands._logs.secrets import hidden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._launch.feed import Batch

__all__ = ["LogLine", "Remembers", "lines_of"]

Source = Literal["stdout", "stderr", "log"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a task wrote. ``str()`` of it is its text.

    Attributes:
        text: The line, without its end and without the secrets that were declared by `wetlands.logger.hide_secrets`.
        source: ``"stdout"``, ``"stderr"``, or ``"log"`` for a record of ``task.log``.
        level: The level of a record, as in `logging`; ``logging.INFO`` for what was printed.
    """

    text: str
    source: Source
    level: int = 20

    def __str__(self) -> str:
        return self.text


class Remembers(Protocol):
    """What remembers the lines of many tasks."""

    def of_task(self, task_id: str, *, timeout: float) -> Sequence[Batch]:
        """Return what it remembers of a task, in its order.

        Args:
            task_id: The id of the task.
            timeout: Seconds to wait at most for what was written and has not been read.
        """


def lines_of(remembers: Remembers, task_id: str, timeout: float) -> list[LogLine]:
    """The lines of a task."""
    found: list[LogLine] = []
    for batch in remembers.of_task(task_id, timeout=timeout):
        source: Source = "stdout"
        for name in ("stderr", "log"):
            if batch.context.get("stream") == name:
                source = name
        level = batch.context.get("level")
        found += [LogLine(hidden(line), source, level if isinstance(level, int) else 20) for line in batch.lines]
    return found
