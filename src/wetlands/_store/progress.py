"""What a build says, put into the log and kept; and the wish to stop it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from wetlands.logger import logger

if TYPE_CHECKING:
    from wetlands._backends.api import Progress

__all__ = ["LoggedBuild"]

_LOG_STAGES = frozenset({"create", "install", "launch"})


class LoggedBuild:
    """Watches a build on behalf of a program that reads the log.

    Args:
        name: The environment.
        stage: What is done first, for the log: ``"create"`` or ``"install"``.
        instance: The instance whose log files get the records.
    """

    def __init__(self, name: str, stage: str, instance: str | None = None) -> None:
        self._name = name
        self._stage = stage
        self._instance = instance
        self._canceled = threading.Event()
        self._lines: list[str] = []
        self._progress: Progress | None = None

    @property
    def lines(self) -> list[str]:
        """What the tools wrote so far, without line ends."""
        return list(self._lines)

    @property
    def latest_progress(self) -> Progress | None:
        """How far the part that tells it last is; None before one did."""
        return self._progress

    @property
    def cancel_requested(self) -> bool:
        """Whether `cancel` was called."""
        return self._canceled.is_set()

    def cancel(self) -> None:
        """Ask the build to stop, from any thread."""
        self._canceled.set()

    def stage(self, stage: str, message: str) -> None:
        """Log what begins; stages that the log has no name for (``"waiting"``) count as the one that is under way."""
        if stage in _LOG_STAGES:
            self._stage = stage
        self._log(message)

    def progress(self, progress: Progress) -> None:
        """Keep how far the build is, for whoever asks; the log would be flooded by it."""
        self._progress = progress

    def output(self, line: str) -> None:
        """Log one line of a tool, and keep it."""
        self._lines.append(line)
        self._log(line)

    def _log(self, text: str) -> None:
        logger.log_environment(
            logging.INFO, "%s", text, env_name=self._name, stage=self._stage, instance=self._instance
        )
