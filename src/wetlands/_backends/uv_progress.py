"""How far uv is, from the lines it writes: uv tells it in no other way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._backends.api import Progress

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver

__all__ = ["UvProgress"]

_RESOLVED = re.compile(r"Resolved (\d+) packages? in ")
_DOWNLOADING = re.compile(r"Downloading (\S+) \(([\d.]+)(B|[KMG]iB)\)$")
_DOWNLOADED = re.compile(r"Downloaded (\S+)$")
_PREPARED = re.compile(r"Prepared (\d+) packages? in ")
_INSTALLED = re.compile(r"Installed (\d+) packages? in ")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class UvProgress:
    """Passes on what an observer is told, and tells it how far uv is by each line.

    uv names what it downloads with its size where that is a megabyte or more, and when it has arrived: bytes are
    counted by whole packages. Afterwards packages are counted.

    Args:
        observer: Who watches the build.
    """

    def __init__(self, observer: BuildObserver) -> None:
        self._observer = observer
        self._sizes: dict[str, int] = {}
        self._arrived = 0

    @property
    def cancel_requested(self) -> bool:
        """Whether the observer wants uv to stop."""
        return self._observer.cancel_requested

    def stage(self, stage: str, message: str) -> None:
        """Pass on what begins."""
        self._observer.stage(stage, message)

    def progress(self, progress: Progress) -> None:
        """Pass on how far a part is."""
        self._observer.progress(progress)

    def output(self, line: str) -> None:
        """Pass on a line, and what it says about the progress."""
        self._observer.output(line)
        told = self._read(line.strip())
        if told is not None:
            self._observer.progress(told)

    def _read(self, line: str) -> Progress | None:
        if found := _RESOLVED.match(line) or _PREPARED.match(line):
            return Progress("install", 0, int(found[1]), "packages")
        if found := _INSTALLED.match(line):
            return Progress("install", int(found[1]), int(found[1]), "packages")
        if found := _DOWNLOADING.match(line):
            self._sizes[found[1]] = int(float(found[2]) * _BYTES[found[3]])
        elif (found := _DOWNLOADED.match(line)) and found[1] in self._sizes:
            self._arrived += self._sizes[found[1]]
        else:
            return None
        return Progress("install", self._arrived, sum(self._sizes.values()), "bytes")
