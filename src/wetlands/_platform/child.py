"""A child process of ours, reaped once, with what the system says of the memory that it held."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Protocol

from wetlands._platform.exits import exit_descriptor

__all__ = ["Child", "OwnChild", "memory_unit"]

_SIGTERM = 15


def memory_unit(platform: str = sys.platform) -> int:
    """How many bytes a unit of ``ru_maxrss`` has: macOS counts bytes, the others kilobytes."""
    return 1 if platform == "darwin" else 1024


class Child(Protocol):
    """A process that ends before us, as far as we need it.

    Attributes:
        pid: Its number.
        stdout: What it writes there.
        stderr: See above.
        peak: The most bytes of memory that it held, once it has ended; None where that is not known.
    """

    pid: int
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    peak: int | None

    def wait(self, timeout: float) -> int | None:
        """Its return code as `subprocess` gives it, or None when it still runs after so many seconds."""

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs; on Windows every signal ends it.

        Raises:
            OSError: It may not be sent.
        """

    def kill(self) -> None:
        """End it by force.

        Raises:
            OSError: That is not allowed.
        """


class OwnChild:
    """A child that `subprocess` has started; nobody else may wait for it. See `Child`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.stdout = process.stdout
        self.stderr = process.stderr
        self.peak: int | None = None
        self._lock = threading.Lock()
        self._wait4 = getattr(os, "wait4", None)
        self._inherited = 0 if self._wait4 is None else _own_peak()

    def wait(self, timeout: float) -> int | None:
        code = self._poll()
        if code is not None or timeout <= 0:
            return code
        descriptor = exit_descriptor(self.pid)
        if descriptor is None:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(timeout)  # how much memory it held is then not known
            return None
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(timeout * 1000)
        finally:
            os.close(descriptor)
        return self._poll()

    def send_signal(self, number: int) -> None:
        if self._wait4 is None:
            self._process.send_signal(number)
            return
        self._poll()
        with self._lock, suppress(ProcessLookupError):
            if self._process.returncode is None:  # it was not reaped, so its number is nobody else's
                os.kill(self.pid, number)

    def kill(self) -> None:
        if self._wait4 is None:
            self._process.kill()
        else:
            self.send_signal(9)

    def _poll(self) -> int | None:
        if self._wait4 is None:
            return self._process.poll()
        with self._lock:
            if self._process.returncode is None:
                self._reap()
            return self._process.returncode

    def _reap(self) -> None:
        try:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody has waited for all children of this program: how it ended is lost
            self._process.poll()
            return
        if pid:
            self._process.returncode = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss * memory_unit()
            # Linux counts what the process held before it became the worker, which was ours: less says nothing
            self.peak = peak if peak > self._inherited else None


def _own_peak() -> int:
    import resource  # noqa: PLC0415 - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * memory_unit()
