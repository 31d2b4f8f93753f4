"""The steps that change an instance folder, by name: whoever watches them can be told, tests interrupt at each."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["BUILD_STEPS", "REMOVAL_STEPS", "Reached", "unwatched"]

Reached = Callable[[str], None]
"""Told the name of a step when it is done."""

BUILD_STEPS = (
    "locked",
    "swept",
    "packages installed",
    "commands run",
    "record staged",
    "committed",
    "replaced one removed",
)
REMOVAL_STEPS = ("closed to users", "record removed", "set aside")


def unwatched(_step: str) -> None:
    """Tell nobody."""
