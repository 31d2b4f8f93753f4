"""Runs of a tool whose output is data, or an attempt that may fail: nothing for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver, Progress

__all__ = ["Quiet"]


class Quiet:
    """Passes on what happens and the wish to stop, and keeps to itself what the tool writes.

    Args:
        observer: Who watches the build.
    """

    def __init__(self, observer: BuildObserver) -> None:
        self._observer = observer

    def stage(self, stage: str, message: str) -> None:
        """Pass it on."""
        self._observer.stage(stage, message)

    def progress(self, progress: Progress) -> None:
        """Pass it on as well."""
        self._observer.progress(progress)

    def output(self, line: str) -> None:
        """Keep it from the log."""

    @property
    def cancel_requested(self) -> bool:
        """Whether the build should stop."""
        return self._observer.cancel_requested
