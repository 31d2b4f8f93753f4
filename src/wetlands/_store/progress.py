"""What a build says, put into the log, kept, and shown to whoever watches; and the wish to stop it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._backends.api import Progress

    Watcher = Callable[["BuildState"], None]

__all__ = ["BuildState", "LoggedBuild"]

_LOG_STAGES = {"create": "create", "install": "install", "launch": "launch", "commands": "install"}


@dataclass(frozen=True)
class BuildState:
    """How far a build is.

    Attributes:
        stage: The part that is under way, see `BuildObserver.stage`.
        message: What it does, a sentence for people.
        current: How much of the part is done, where it counts.
        maximum: How much there is to do in it, as far as is known by now.
        unit: What is counted.
    """

    stage: str
    message: str
    current: int | None = None
    maximum: int | None = None
    unit: Literal["bytes", "packages"] | None = None


class LoggedBuild:
    """Watches a build on behalf of a program that reads the log, and of others that look on.

    Args:
        name: The environment.
        stage: What is done first, for the log: ``"create"`` or ``"install"``.
        instance: The instance whose log files get the records.

    Attributes:
        name: As given.
        state: How far it is.
    """

    def __init__(self, name: str, stage: str, instance: str | None = None) -> None:
        self.name = name
        self.state = BuildState(stage, "Getting ready")
        self._log_stage = stage
        self._instance = instance
        self._canceled = threading.Event()
        self._lines: list[str] = []
        self._messages: dict[str, str] = {}  # the last one of each stage: downloads and links go on together
        self._watchers: list[Watcher] = []

    @property
    def lines(self) -> list[str]:
        """What the tools wrote so far, without line ends."""
        return list(self._lines)

    @property
    def cancel_requested(self) -> bool:
        """Whether `cancel` was called."""
        return self._canceled.is_set()

    def cancel(self) -> None:
        """Ask the build to stop, from any thread."""
        self._canceled.set()

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` with each new state, in the thread that builds; it must not wait."""
        self._watchers.append(watcher)

    def stage(self, stage: str, message: str) -> None:
        """Log what begins, and show it; stages that the log has no name for count as the one that is under way."""
        if stage in _LOG_STAGES:
            self._log_stage = _LOG_STAGES[stage]
        self._log(message)
        self._messages[stage] = message
        self._show(BuildState(stage, message))

    def progress(self, progress: Progress) -> None:
        """Show how far the build is; the log would be flooded by it."""
        counts = (progress.current, progress.maximum, progress.unit)
        self._show(BuildState(progress.stage, self._messages.get(progress.stage, self.state.message), *counts))

    def output(self, line: str) -> None:
        """Log one line of a tool, and keep it."""
        self._lines.append(line)
        self._log(line)

    def _show(self, state: BuildState) -> None:
        self.state = state
        for watcher in self._watchers:
            watcher(state)

    def _log(self, text: str) -> None:
        logger.log_environment(
            logging.INFO, "%s", text, env_name=self.name, stage=self._log_stage, instance=self._instance
        )
