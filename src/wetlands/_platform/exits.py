"""Learn at once that a process has ended."""

from __future__ import annotations

import os

__all__ = ["exit_descriptor"]


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
