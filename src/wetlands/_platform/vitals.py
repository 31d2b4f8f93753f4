"""What the system says of a living process: whether it is stopped, and how much it computes and holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Vitals", "native_threads", "vitals"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """A process at one moment.

    Attributes:
        stopped: Whether it is suspended, by SIGSTOP or a debugger.
        cpu_seconds: The time of processors that it has used, in user code and in the system.
    """

    stopped: bool
    cpu_seconds: float


def vitals(pid: int) -> Vitals | None:
    """Look at a child of ours; None when it is gone, or may not be looked at."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        stopped = process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return Vitals(stopped, times.user + times.system)


def native_threads(pid: int) -> int | None:
    """How many threads run in a process, those of native code included; None where it can count them itself (Linux)."""
    if Path("/proc/self/task").exists():
        return None
    try:
        return int(psutil.Process(pid).num_threads())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
