"""What is heard of micromamba while it runs, in the words of a build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._backends.api import Progress
from wetlands._backends.quiet import Quiet

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver

__all__ = ["Transaction"]

_LINKING = re.compile(r"\s*Linking \S+")
_ARRIVED = re.compile(r"\s*info\s+libmamba Download finished, tarball available")
_DETAILS = re.compile(r"\s*(?:info|debug|trace)\s+libmamba|\s{4}")


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
