"""How far a producer may run ahead of its consumer: the arithmetic of credits, without threads and without a clock."""

from __future__ import annotations

__all__ = ["Window"]


class Window:
    """Counts the items of one stream.

    The producer begins with as many credits as the window is wide, and spends one for each item. They are granted
    again when half of the window has been taken, so that one message is enough for many small items. At any time
    at most ``size`` items have been produced and not taken.

    Args:
        size: How many items may be ahead, from 1 up.
    """

    __slots__ = ("_granted", "_paused_at", "_paused_seconds", "_received", "_taken", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._granted = size
        self._received = 0
        self._taken = 0
        self._paused_at: float | None = None
        self._paused_seconds = 0.0

    @property
    def paused(self) -> bool:
        """Whether the producer has spent its credits, and waits."""
        return self._received >= self._granted

    @property
    def overrun(self) -> bool:
        """Whether the producer has sent more than it had credits for."""
        return self._received > self._granted

    def received(self, now: float) -> None:
        """An item came, at that time."""
        self._received += 1
        if self.paused:
            self._paused_at = now

    def taken(self, now: float) -> int:
        """An item was taken, at that time; how many credits to grant now."""
        self._taken += 1
        more = self._taken + self.size - self._granted
        if more < max(1, self.size // 2):
            return 0
        if self._paused_at is not None:
            self._paused_seconds += now - self._paused_at
            self._paused_at = None
        self._granted += more
        return more

    def paused_seconds(self, now: float) -> float:
        """For how long the producer has waited until that time, all in all."""
        return self._paused_seconds + (0.0 if self._paused_at is None else now - self._paused_at)
