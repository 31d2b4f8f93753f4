"""Checks the limits that a user gives, before anything is begun."""

from __future__ import annotations

import math

__all__ = ["checked_timeout", "refuse_timeouts"]


def checked_timeout(name: str, seconds: object) -> float | None:
    """A time limit as the user gave it.

    Raises:
        ValueError: It is no number of seconds above 0.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        message = f"{name} is a number of seconds above 0, or None for no limit, not {seconds!r}"
        raise ValueError(message)
    return float(seconds)


def refuse_timeouts(**limits: float | None) -> None:
    """For what runs in this process.

    Raises:
        ValueError: A limit was given.
    """
    for name, seconds in limits.items():
        if seconds is not None:
            message = f"{name} needs a worker that can be killed; a call in this process cannot be ended by force"
            raise ValueError(message)
