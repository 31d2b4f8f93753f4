"""What the system says of a living process: whether it is stopped, and how much it computes and holds."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

__all__ = ["Vitals", "vitals"]


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
