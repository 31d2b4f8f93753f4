"""How much memory a process holds."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

__all__ = ["private_memory"]


def private_memory(pid: int) -> int:
    """The bytes of physical memory that a process has to itself; 0 when it is gone.

    Shared memory and mapped files do not count where the system tells them apart (Linux): the pages of arrays that
    cross are the host's as much as the worker's. Elsewhere all that is resident counts.
    """
    try:
        # psutil takes ten times as long, and this is asked once per call
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
