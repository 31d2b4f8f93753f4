"""Whether a process was killed because memory had run out: nobody tells, but there are signs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["Memory", "count_kills", "out_of_memory", "read_memory"]

_NEAR = 0.9  # of all that there is, when it is close to the end
_LITTLE = 0.03  # of all that there is, when hardly anything is left
_READ_BYTES = 64 * 1024
_KILLS = ("oom_kill ",)


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory that we and our children may use, at one moment; None where it cannot be learnt.

    Attributes:
        kills: See `count_kills`.
        available: The bytes that are left.
        limit: The bytes that there are: those of the machine, or what the control group allows.
    """

    kills: int | None = None
    available: int | None = None
    limit: int | None = None


def read_memory(root: Path = Path("/")) -> Memory:
    """What Linux tells; nothing elsewhere.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    machine = _table(root / "proc/meminfo", ("MemTotal:", "MemAvailable:"), 1024)
    _, limit_file, use_file = _group(root)
    limit, used = _amount(limit_file), _amount(use_file)
    total, available = machine.get("MemTotal:"), machine.get("MemAvailable:")
    if limit is not None and (total is None or limit < total):
        total = limit
        if used is not None:
            available = min(limit - used, available if available is not None else limit)
    return Memory(count_kills(root), available, total)


def count_kills(root: Path = Path("/")) -> int | None:
    """How often Linux has killed a process for lack of memory: of our control group, or else of the machine.

    It is asked at each start of a worker, so it reads as little as possible.

    Args:
        root: See `read_memory`.
    """
    kills = _table(_group(root)[0], _KILLS).get("oom_kill")
    return _table(root / "proc/vmstat", _KILLS).get("oom_kill") if kills is None else kills


def out_of_memory(kills: int | None, after: Memory, peak: int | None) -> str | None:
    """Why a process that SIGKILL ended, which was not ours, was probably killed for lack of memory; None: no sign.

    Args:
        kills: What `count_kills` said when it was started.
        after: When it was found dead.
        peak: The most bytes that it held.
    """
    if kills is not None and after.kills is not None and after.kills > kills:
        return "the system killed a process for lack of memory"
    if peak is not None and after.limit is not None and peak >= _NEAR * after.limit:
        return f"it held {peak / 1e9:.3g} GB of the {after.limit / 1e9:.3g} GB that there are"
    if after.available is not None and after.limit is not None and after.available < _LITTLE * after.limit:
        return f"only {max(after.available, 0) / 1e6:.3g} MB were left"
    return None


@lru_cache(maxsize=8)
def _group(root: Path) -> tuple[Path, Path, Path]:
    """The files of our control group that tell of kills, limit and use; they may be missing."""
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        inside = path.strip("/")
        if not kinds:  # version 2
            group = root / "sys/fs/cgroup" / inside
            return group / "memory.events", group / "memory.max", group / "memory.current"
        if "memory" in kinds.split(","):
            group = root / "sys/fs/cgroup/memory" / inside
            return group / "memory.oom_control", group / "memory.limit_in_bytes", group / "memory.usage_in_bytes"
    return root / "none", root / "none", root / "none"


def _lines(path: Path) -> list[str]:
    """The lines of a file of the system, read plainly: as a text file of Python it would take four times as long."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            parts = []
            while part := os.read(file, _READ_BYTES):
                parts.append(part)
        finally:
            os.close(file)
        return b"".join(parts).decode("ascii").splitlines()
    except (OSError, ValueError):
        return []


def _amount(path: Path) -> int | None:
    words = "".join(_lines(path)).strip()
    return int(words) if words.isdigit() else None


def _table(path: Path, starts: tuple[str, ...], unit: int = 1) -> dict[str, int]:
    """Of lines of a name and a number, those that begin so: some of these files have hundreds."""
    found = {}
    for line in _lines(path):
        if line.startswith(starts):
            name, *rest = line.split()
            if rest and rest[0].isdigit():
                found[name] = int(rest[0]) * unit
    return found
