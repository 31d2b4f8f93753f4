"""Asks for bytes again and again for a moment before it sleeps, as long as they tend to come within that moment.

To be put to sleep by the system, and woken up on a processor that slept meanwhile, takes longer than a short call
does. So a worker stays awake for the fifth of a millisecond in which the next call may come. When that was in vain,
it is not tried the next times, and less often the more often it was: a worker that waits long for its calls loses a
few microseconds for each. Where there is one processor only, the other side needs it, and nothing is tried.
"""

import os
from time import perf_counter

from wetlands_worker.descriptors import DONTWAIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    ReceiveInto = Callable[..., int]  # of a socket

__all__ = ["Eager", "helps"]

_MOMENT = 0.0002
_MOST_SKIPS = 63


def helps(dontwait: int = DONTWAIT) -> bool:
    """Whether the system can be asked without waiting, and the other side runs meanwhile."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux: what containers and clusters allow
    return bool(dontwait) and (os.cpu_count() if affinity is None else len(affinity(0))) != 1


class Eager:
    """How one connection waits."""

    __slots__ = ("_in_vain", "_skips")

    def __init__(self) -> None:
        self._in_vain = 0  # so many times are skipped after the next one in vain
        self._skips = 0

    def receive(self, receive_into: "ReceiveInto", room: memoryview, got: "List[int]") -> None:
        """Wait a moment for bytes, if that is worth it.

        Args:
            receive_into: Receives them.
            room: Where they go.
            got: How many came is appended here, by the same call of C code that receives them: see `frames`. Nothing is
                when none did.

        Raises:
            OSError: The connection is broken.
        """
        if self._skips:
            self._skips -= 1
            return
        end = perf_counter() + _MOMENT
        while not _came(receive_into, room, got):
            if perf_counter() > end:
                self._skips = self._in_vain = min(2 * self._in_vain + 1, _MOST_SKIPS)
                return
        self._in_vain = 0


def _came(receive_into: "ReceiveInto", room: memoryview, got: "List[int]") -> bool:
    try:
        got.extend(map(receive_into, (room,), (0,), (DONTWAIT,)))
    except BlockingIOError:
        return False
    return True
