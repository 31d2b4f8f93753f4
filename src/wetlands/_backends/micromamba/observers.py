"""What is heard of micromamba while it runs, in the words of a build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._backends.api import Progress

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver

__all__ = ["Quiet", "Transaction"]

_LINKING = re.compile(r"\s*Linking \S+")
_ARRIVED = re.compile(r"\s*info\s+libmamba Download finished, tarball available")
_DETAILS = re.compile(r"\s*(?:info|debug|trace)\s+libmamba|\s{4}")


class Quiet:
    """Passes on nothing but the wish to stop: what is written is data."""

    def __init__(self, observer: BuildObserver) -> None:
        self._observer = observer

    def stage(self, stage: str, message: str) -> None:
        """Pass it on: nothing is data here."""
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


class Transaction(Quiet):
    """Counts the packages that arrive and that are linked; passes on what is for people.

    Args:
        observer: Who watches the build.
        fetch: How many packages are downloaded.
        link: How many are linked.
    """

    def __init__(self, observer: BuildObserver, *, fetch: int, link: int) -> None:
        super().__init__(observer)
        self._fetch = fetch
        self._link = link
        self._arrived = 0
        self._linked = 0

    def output(self, line: str) -> None:
        """Hear one line."""
        if _ARRIVED.match(line):
            self._arrived += 1
            self.progress(Progress("download", self._arrived, max(self._fetch, self._arrived), "packages"))
        elif _LINKING.match(line):
            if self._linked == 0:
                self.stage("link", f"Linking {self._link} packages")
            self._linked += 1
            self.progress(Progress("link", self._linked, max(self._link, self._linked), "packages"))
        elif not _DETAILS.match(line):
            self._observer.output(line)
