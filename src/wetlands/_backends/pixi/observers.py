"""What is heard and seen of pixi while it runs, in the words of a build.

On a pipe pixi draws no bars. With ``-v`` it logs its milestones, and how far it is with linking can be seen: each
package that is linked has a record in the prefix, and the lock file says how many there will be.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from wetlands._backends.api import Progress

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver
    from wetlands._backends.pixi.commands import Workspace

__all__ = ["Milestones", "conda_packages_in"]

_LOGGED = re.compile(r"\s*(TRACE|DEBUG|INFO|WARN|ERROR)\s+\S+:\s?(.*)")
_SOLVED = re.compile(r"resolved conda environment for environment|lock.file is up-to-date")
_LINKED = re.compile(r"updated conda packages in the")
_LOOK_SECONDS = 0.2


class Milestones:
    """Passes on what is for people, and says how far pixi is.

    Args:
        observer: Who watches the build.
        workspace: What is installed.
        platform: The machine, in conda's words.
        pypi: What is installed from PyPI and from folders, for people; empty for nothing.
    """

    def __init__(self, observer: BuildObserver, workspace: Workspace, platform: str, *, pypi: str) -> None:
        self._observer = observer
        self._workspace = workspace
        self._platform = platform
        self._pypi = pypi
        self._total = 0
        self._linked = 0
        self._looked = 0.0
        self._solved = False
        self._installing = False

    def stage(self, stage: str, message: str) -> None:
        """Pass it on."""
        self._observer.stage(stage, message)

    def progress(self, progress: Progress) -> None:
        """Pass it on."""
        self._observer.progress(progress)

    def output(self, line: str) -> None:
        """Hear one line."""
        logged = _LOGGED.fullmatch(line)
        text = line if logged is None else logged[2]
        if _SOLVED.search(text) and not self._solved:
            self._solved = True
            self._total = self._planned()
            self.stage("link", f"Linking {self._total or 'the conda'} packages")
        elif _LINKED.search(text):
            self._look()
            self.begin_pypi()
        if logged is None or logged[1] in {"WARN", "ERROR"}:
            self._observer.output(line)

    def begin_pypi(self) -> None:
        """Say that the packages of PyPI are installed now, unless it was said or there are none."""
        if self._pypi and not self._installing:
            self._installing = True
            self.stage("install", f"Installing {self._pypi}")

    @property
    def cancel_requested(self) -> bool:
        """Whether the build should stop; being asked several times a second is also the time to look how far it is."""
        if self._solved and not self._installing and time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._look()
        return self._observer.cancel_requested

    def _look(self) -> None:
        self._looked = time.monotonic()
        linked = sum(1 for _ in (self._workspace.prefix / "conda-meta").glob("*.json"))
        self._total = self._total or self._planned()
        if linked > self._linked:
            self._linked = linked
            self.progress(Progress("link", linked, max(self._total, linked), "packages"))

    def _planned(self) -> int:
        try:
            text = self._workspace.lock.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return 0
        return conda_packages_in(text, self._workspace.environment, self._platform)


def conda_packages_in(lock: str, environment: str, platform: str) -> int:
    """Count the conda packages of one environment in the text of a lock file.

    Only the list at its beginning is looked at, by its indentation: reading all of it as YAML takes seconds.
    """
    path: list[str] = []
    count = 0
    for line in lock.splitlines():
        if line == "packages:":
            break
        entry = line.strip()
        if path == ["environments", environment, "packages", platform] and entry.startswith("- "):
            count += entry.startswith("- conda:")
        elif entry.endswith(":"):
            depth = (len(line) - len(line.lstrip())) // 2
            path = [*path[:depth], entry[:-1].strip("'\"")]
    return count
