"""Tells those who keep a list of workers that there is a new one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

__all__ = ["Census", "census"]


class Census:
    """Whom to wake when a worker was born, in any pool of this process.

    No lock is needed, and none is held when the process forks; a forked child wakes nobody.
    """

    def __init__(self) -> None:
        self._waiting: set[threading.Event] = set()

    def join(self, event: threading.Event) -> None:
        """Set this event at each birth from now on."""
        self._waiting.add(event)

    def leave(self, event: threading.Event) -> None:
        """Set it no more."""
        self._waiting.discard(event)

    def changed(self) -> None:
        """A worker was born."""
        for event in tuple(self._waiting):
            event.set()

    def forget(self) -> None:
        """Wake nobody any more."""
        self._waiting.clear()


census = Census()
"""That of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=census.forget)
