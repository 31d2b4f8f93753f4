"""Who is told what happens to a task: its listeners, in order, on threads where they block nobody."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from wetlands._tasks.delivery import delivery
from wetlands._tasks.events import TaskEventType

if TYPE_CHECKING:
    from wetlands._tasks.events import Listener, TaskEvent

__all__ = ["Audience", "event_in_view", "tell"]

_log = logging.getLogger("wetlands")
_MOST_WAITING = 10_000


class _Viewing(threading.local):
    """Which event a listener is being told about on this thread."""

    event: TaskEvent | None = None


_viewing = _Viewing()


def event_in_view() -> TaskEvent | None:
    """The event that a listener is being told about on this thread."""
    return _viewing.event


class Audience:
    """The listeners of one task. Everything but `tell_all` is called under the lock of the task."""

    __slots__ = ("_all_told", "_listeners", "_lock", "_telling", "_untold")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._listeners: list[Listener] = []
        self._untold: deque[TaskEvent] = deque()
        self._telling = False
        self._all_told: threading.Event | None = None

    def __bool__(self) -> bool:
        return bool(self._listeners)

    @property
    def all_told(self) -> threading.Event | None:
        """What is set when the listeners have heard everything; None while nothing was ever said to them."""
        return self._all_told

    def add(self, listener: Listener) -> None:
        """Tell `listener` all that happens from now on."""
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        """Tell `listener` no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def announce(self, event: TaskEvent) -> None:
        """Have all listeners told, later, on another thread."""
        untold = self._untold
        if event.type is TaskEventType.UPDATE and len(untold) >= _MOST_WAITING:
            untold.pop()  # a listener that cannot keep up is told the newest instead
        untold.append(event)
        if not self._telling:
            self._telling = True
            self._all_told = threading.Event()
            delivery.submit(self.tell_all)

    def tell_all(self) -> None:
        """Tell the listeners one event after the other, until nothing is left to tell.

        All that waits is taken at once: the lock is wanted by the thread that hears of the next events.
        """
        while True:
            with self._lock:
                if not self._untold:
                    self._telling = False
                    if self._all_told is not None:
                        self._all_told.set()
                    return
                taken, self._untold = self._untold, deque()
            while taken:
                event = taken.popleft()
                for listener in tuple(self._listeners):
                    tell(listener, event)


def tell(listener: Listener, event: TaskEvent) -> None:
    """Call a listener; what it raises is logged."""
    _viewing.event, before = event, _viewing.event
    try:
        listener(event)
    except Exception:  # noqa: BLE001 - whatever user code raises
        _log.exception("A listener of %r failed", event.task)
    finally:
        _viewing.event = before
