"""Learn at once that a process has ended."""

from __future__ import annotations

import os
import select
import time

__all__ = ["exit_descriptor", "wait_for_exit"]

_LOOK_SECONDS = 0.01


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


def wait_for_exit(pid: int, timeout: float) -> bool:
    """Wait until a process has ended that is not our child; whether it did in time."""
    descriptor = exit_descriptor(pid)
    if descriptor is not None:
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout) * 1000))  # below 0, it would wait for ever
        finally:
            os.close(descriptor)
    import psutil  # noqa: PLC0415 - only where the system tells of no ends

    deadline = time.monotonic() + timeout
    while psutil.pid_exists(pid):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
