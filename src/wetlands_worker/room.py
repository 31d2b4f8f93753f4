"""How much a worker may lend to its host: a share of its own, and beyond that as much as the host has left for it.

The results that all workers of a program lend to it are bounded together, and the host alone knows of all. So a worker
asks before it lends more than it may, and tells when it needs less again. It raises its own bound after the host has,
and lowers it before, so the sum never exceeds what the host counts. What it is not granted goes through the connection
instead; nobody waits for memory that a program keeps.
"""

from _thread import allocate_lock

from wetlands_worker import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.frames import Connection

__all__ = ["Room", "ask_for_room", "share_of"]

_SHARE = 256  # a worker has so many parts less than all
_LEAST_SHARE = 1 << 20
_PATIENCE = 2.0  # seconds for an answer; it takes less than a millisecond


def share_of(limit: int) -> int:
    """How many bytes of those that all workers may lend each of them may without asking."""
    return min(limit, max(limit // _SHARE, _LEAST_SHARE))


def ask_for_room(exchange: "Exchange", control: "Connection") -> None:
    """Have the worker's side of the memory ask the host, whose answers come to `Room.answered`."""
    share = share_of(exchange.zone.allowance)
    exchange.zone.allowance = share
    exchange.room = Room(control, share)


class Room:
    """Asks the host.

    Args:
        control: The control connection; another thread receives what comes.
        share: How many bytes this worker may lend without asking.
    """

    __slots__ = ("_control", "_granted", "_lock", "_next", "_spare", "_waiting", "share")

    def __init__(self, control: "Connection", share: int) -> None:
        self.share = share
        self._control = control
        self._lock = allocate_lock()
        self._next = 1
        self._waiting: "Dict[int, Any]" = {}  # Any: locks of _thread
        self._granted: "Dict[int, int]" = {}
        self._spare: "List[int]" = []

    def ask(self, needed: int) -> int:
        """How many more bytes may be lent; 0: no more."""
        gate = allocate_lock()
        gate.acquire()
        with self._lock:
            number = self._next
            self._next += 1
            self._waiting[number] = gate
        try:
            wanted = max(needed, self.share)
            self._control.send(messages.ASKED, number, needed.to_bytes(8, "little") + wanted.to_bytes(8, "little"))
            gate.acquire(True, _PATIENCE)  # noqa: FBT003 - the lock of _thread takes it by position only
        except OSError:  # the host has gone
            pass
        finally:  # also when the task is interrupted: an answer that comes later is given back
            with self._lock:
                self._waiting.pop(number, None)
        return self._granted.pop(number, 0)

    def answered(self, number: int, granted: int) -> None:
        """The host answered."""
        with self._lock:
            gate = self._waiting.pop(number, None)
            if gate is not None:
                self._granted[number] = granted
                gate.release()
        if gate is None:
            self.give(granted)

    def give(self, amount: int) -> None:
        """So many bytes fewer may be lent from now on; the host learns of it when there is room in the connection."""
        if not amount:
            return
        self._spare.append(amount)
        total = sum(self._spare)
        try:
            if self._control.offer(messages.GAVE, 0, total.to_bytes(8, "little")):
                self._spare.clear()
        except OSError:  # the host has gone
            pass
