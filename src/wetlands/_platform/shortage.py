"""Whether a process was killed because memory had run out: nobody tells, but there are signs."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory", "out_of_memory", "read_memory"]

_SIGKILL = getattr(signal, "SIGKILL", 9)
_NEAR = 0.9  # of all that there is, when it is close to the end
_LITTLE = 0.03  # of all that there is, when hardly anything is left


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory that we and our children may use, at one moment; None where it cannot be learnt.

    Attributes:
        kills: How often the system has killed a process of our control group for lack of memory, since its beginning.
        system_kills: The same of the whole machine.
        available: The bytes that are left.
        limit: The bytes that there are: those of the machine, or what the control group allows.
    """

    kills: int | None = None
    system_kills: int | None = None
    available: int | None = None
    limit: int | None = None


def read_memory(root: Path = Path("/")) -> Memory:
    """What Linux tells; nothing elsewhere.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    machine = _table(root / "proc/meminfo", ":", 1024)
    kills, limit, used = _of_group(root)
    total, available = machine.get("MemTotal"), machine.get("MemAvailable")
    if limit is not None and (total is None or limit < total):
        total = limit
        if used is not None:
            available = min(limit - used, available if available is not None else limit)
    return Memory(kills, _table(root / "proc/vmstat").get("oom_kill"), available, total)


def out_of_memory(before: Memory, after: Memory, number: int | None, peak: int | None) -> str | None:
    """Why a process that was killed by somebody else was probably killed for lack of memory; None: no sign of it.

    Args:
        before: When it was started.
        after: When it was found dead.
        number: The signal that ended it.
        peak: The most bytes that it held.
    """
    if number != _SIGKILL:
        return None
    if _more(before.kills, after.kills):
        return "the system killed a process of this control group for lack of memory"
    if _more(before.system_kills, after.system_kills):
        return "the system killed a process for lack of memory"
    if peak is not None and after.limit is not None and peak >= _NEAR * after.limit:
        return f"it held {peak / 1e9:.3g} GB of the {after.limit / 1e9:.3g} GB that there are"
    if after.available is not None and after.limit is not None and after.available < _LITTLE * after.limit:
        return f"only {max(after.available, 0) / 1e6:.3g} MB were left"
    return None


def _more(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


def _of_group(root: Path) -> tuple[int | None, int | None, int | None]:
    """Kills, limit and use of our control group."""
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        inside = path.strip("/")
        if not kinds:  # version 2
            group = root / "sys/fs/cgroup" / inside
            names = ("memory.events", "memory.max", "memory.current")
        elif "memory" in kinds.split(","):
            group = root / "sys/fs/cgroup/memory" / inside
            names = ("memory.oom_control", "memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        events, limit, used = (group / name for name in names)
        kills = _table(events).get("oom_kill")
        if kills is not None or limit.exists():
            return kills, _amount(limit), _amount(used)
    return None, None, None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []


def _amount(path: Path) -> int | None:
    words = "".join(_lines(path)).strip()
    return int(words) if words.isdigit() else None


def _table(path: Path, separator: str = " ", unit: int = 1) -> dict[str, int]:
    """Lines of a name and a number."""
    found = {}
    for line in _lines(path):
        name, _, rest = line.partition(separator)
        number = rest.split()[:1]
        if number and number[0].isdigit():
            found[name] = int(number[0]) * unit
    return found
