"""Which workers have been given the shared memory of which others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from wetlands_worker import messages

if TYPE_CHECKING:
    from wetlands_worker.frames import Connection
    from wetlands_worker.segments import Segment

__all__ = ["Introductions", "forget"]

_all: WeakSet[Introductions] = WeakSet()
_lock = threading.Lock()


class Introductions:
    """The segments that one worker knows besides its own; it maps each of them once.

    Args:
        control: The control connection of the worker.
    """

    def __init__(self, control: Connection) -> None:
        self._control = control
        self._known: set[int] = set()
        self._ended: set[int] = set()
        with _lock:
            _all.add(self)

    def introduce(self, segment: Segment) -> bool:
        """Give the worker a segment, unless it has it already; whether it has it then.

        The frame that uses it may be sent at once, on whatever connection: the worker waits for the descriptor.
        """
        try:
            if self._ended:
                self._forget(self._ended - {segment.number})
            if segment.number not in self._known:
                self._give(segment)
                self._known.add(segment.number)
        except OSError:  # it is gone, or the system passes no descriptors
            return False
        return True

    def _give(self, segment: Segment) -> None:
        size = segment.size.to_bytes(8, "little")
        if segment.name:
            self._control.send(messages.ADOPT, segment.number, size + segment.name.encode())
        else:
            self._control.send_descriptor(messages.ADOPT, segment.number, size, segment.descriptor)

    def _forget(self, numbers: set[int]) -> None:
        for number in numbers & self._known:
            self._control.send(messages.FORGET, number)
            self._known.discard(number)
        self._ended -= numbers


def forget(segment: Segment) -> None:
    """A worker has ended: the others let go of its memory, but for the arrays that they have on it.

    They are told before the next call that brings them memory of others: an earlier one may be on its way now. Until
    then it costs addresses only, see `wetlands_worker.exchange.Exchange.close`.
    """
    with _lock:
        for introductions in _all:
            introductions._ended.add(segment.number)  # noqa: SLF001 - the other half of the class
