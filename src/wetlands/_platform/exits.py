"""Learn at once that a process has ended."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import suppress

__all__ = ["exit_descriptor", "wait_for_exit"]


def exit_descriptor(pid: int) -> int | None:
    """A descriptor that becomes readable when this process ends, or None where there is no such thing.

    It is Linux's ``pidfd``; the caller closes it. A socket of the process is no substitute: it stays open in children
    that inherited it.
    """
    pidfd_open = getattr(os, "pidfd_open", None)
    if pidfd_open is None:
        return None
    try:
        return int(pidfd_open(pid))
    except OSError:  # no such process, or a kernel or sandbox without it
        return None


def wait_for_exit(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """Wait for the end of a child.

    Args:
        process: The child.
        timeout: Seconds to wait at most.

    Returns:
        Its return code as `subprocess` gives it, or None when it still runs.
    """
    code = process.poll()
    if code is not None or timeout <= 0:
        return code
    descriptor = exit_descriptor(process.pid)
    if descriptor is not None:  # Popen.wait with a timeout looks again at growing intervals, up to 50 ms
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(timeout * 1000)
        finally:
            os.close(descriptor)
        return process.poll()
    with suppress(subprocess.TimeoutExpired):
        return process.wait(timeout)
    return None
