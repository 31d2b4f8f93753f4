"""What runs a task, as the task sees it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["ENDED", "GRACE_SECONDS", "Driver"]

GRACE_SECONDS = 5.0
"""How long a function that was asked to stop may go on before it is ended by force, where nobody said how long."""


class Driver(Protocol):
    """What runs a task."""

    def start(self) -> None:
        """Queue or begin it; called once."""

    def cancel(self, force_after: float | None) -> None:
        """Drop it when it waits, ask it to stop when it runs, and end it by force after so many seconds."""

    def stack(self) -> str:
        """What the thread that runs it is doing."""


class _Ended:
    """In the place of a driver that has nothing to do any more, and would keep the task, and with it its result."""

    def start(self) -> None:
        """It ran."""

    def cancel(self, force_after: float | None) -> None:
        """It has ended."""

    def stack(self) -> str:
        """What who asks too late is told."""
        return "No stack: it has just ended."


ENDED: Driver = _Ended()
