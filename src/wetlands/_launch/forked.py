"""A worker that is another process's child, a template's or a keeper's, which tells us how it ended."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from wetlands._launch.autopsy import UNKNOWN_CODE
from wetlands._platform.child import memory_unit
from wetlands._platform.process import ProcessIdentity, identify, is_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ForkedChild", "watch_orphans"]

_SIGKILL = 9
_LOOK_SECONDS = 0.02


class ForkedChild:
    """See `wetlands._platform.child.Child`.

    Attributes:
        stdout: Given by whoever asked for it.
        stderr: See above.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self.peak: int | None = None
        self._identity = identify(pid) or ProcessIdentity(pid, 0.0)
        self._code: int | None = None
        self._over = threading.Event()

    def wait(self, timeout: float) -> int | None:
        """Its return code, see `Child`; `UNKNOWN_CODE` when its parent ended before it."""
        self._over.wait(max(0.0, timeout))
        return self._code

    def send_signal(self, number: int) -> None:
        """See `Child`."""
        if not self._over.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """See `Child`."""
        self.send_signal(_SIGKILL)

    # ---------------------------------------------------- for who hears the template

    def ended(self, status: int, peak: int) -> None:
        """Its parent has reaped it: what ``wait4`` said."""
        self.peak = peak * memory_unit()
        self._code = os.waitstatus_to_exitcode(status)
        self._over.set()

    def ended_unseen(self) -> bool:
        """Its parent is gone: whether it has ended too."""
        if not is_alive(self._identity):
            self._code = UNKNOWN_CODE
            self._over.set()
        return self._over.is_set()


def watch_orphans(children: Sequence[ForkedChild]) -> None:
    """Follow workers whose template is gone until the last of them has ended."""
    left = list(children)
    while left := [child for child in left if not child.ended_unseen()]:
        time.sleep(_LOOK_SECONDS)  # they are nobody's children here, and can only be looked at
