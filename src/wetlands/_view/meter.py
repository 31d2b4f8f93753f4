"""How much of the machine processes use: their memory now, and their share of a processor since the last look."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._platform.memory import private_memory
from wetlands._platform.vitals import vitals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wetlands._platform.vitals import Vitals

__all__ = ["Load", "Meter"]

_SHORTEST_SECONDS = 0.05  # the system counts in steps of 10 ms: less says nothing


@dataclass(frozen=True)
class Load:
    """What a process uses.

    Attributes:
        memory: Bytes that it has to itself.
        cpu: Percent of one processor since the last look; None at the first.
        stopped: Whether it is suspended, by SIGSTOP or a debugger.
    """

    memory: int
    cpu: float | None
    stopped: bool


class Meter:
    """Looks at processes again and again.

    Args:
        look: What the system says of a process.
        memory: How many bytes a process holds.
        clock: Seconds from any moment.
    """

    def __init__(
        self,
        *,
        look: Callable[[int], Vitals | None] = vitals,
        memory: Callable[[int], int] = private_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._memory = memory
        self._clock = clock
        self._seen: dict[int, tuple[float, float]] = {}

    def read(self, pids: Iterable[int]) -> dict[int, Load]:
        """The load of each of these processes that lives; the others are forgotten."""
        before, self._seen, found = self._seen, {}, {}
        for pid in pids:
            seen = self._look(pid)
            if seen is None:
                continue
            now = self._clock()
            then, used = before.get(pid, (now, seen.cpu_seconds))
            cpu = None
            if now - then >= _SHORTEST_SECONDS:
                cpu = max(0.0, 100 * (seen.cpu_seconds - used) / (now - then))
            self._seen[pid] = now, seen.cpu_seconds
            found[pid] = Load(self._memory(pid), cpu, seen.stopped)
        return found
