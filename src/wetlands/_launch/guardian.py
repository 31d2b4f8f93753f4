"""The guardian of a pool: a small process that ends the workers when this one is killed.

What it does is told in `wetlands_worker.guardian`.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from wetlands._launch.command import guardian_command
from wetlands._platform.process import new_group
from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._platform.system import System

__all__ = ["Guardian", "Watching"]


class Watching(Protocol):
    """Is told which workers there are."""

    def watch(self, pid: int) -> None:
        """This worker must not outlive us."""

    def forget(self, pid: int) -> None:
        """This worker has ended; its number may come back."""

    def close(self) -> None:
        """No worker is left."""


class Guardian:
    """Knows which workers must not outlive this process. On Windows it does nothing yet."""

    def __init__(self, python: Path, environment: Mapping[str, str], *, system: System = CURRENT) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if system == "posix":
            self._process = subprocess.Popen(
                guardian_command(python, os.getpid()),
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                **new_group(),
            )

    def watch(self, pid: int) -> None:
        """This worker must not outlive us."""
        self._write(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """This worker has ended; its number may come back."""
        self._write(f"-{pid}\n")

    def close(self) -> None:
        """End the guardian; no worker is left."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.kill()  # it has nothing to put in order, and so need not be waited for
        process.stdin.close()
        process.wait()

    def _write(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):  # it was killed, and workers still notice by themselves; or closed
                self._process.stdin.write(line.encode("ascii"))
