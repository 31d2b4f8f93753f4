"""Questions to the control thread of a worker, and their answers, with a bounded wait."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wetlands_worker.frames import Bytes, Connection

__all__ = ["Inquiries"]


class _Inquiry:
    __slots__ = ("answer", "over")

    def __init__(self) -> None:
        self.answer: Bytes | None = None
        self.over = threading.Event()


class Inquiries:
    """What a worker is being asked. Any thread may ask; the monitor brings the answers.

    Args:
        control: The control connection.
    """

    def __init__(self, control: Connection) -> None:
        self._control = control
        self._numbers = itertools.count(1)
        self._open: dict[int, _Inquiry] = {}
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, kind: int, patience: float, body: bytes = b"") -> Bytes | None:
        """Ask, and wait so many seconds at most; None when no answer comes, also when the worker ends meanwhile."""
        inquiry = _Inquiry()
        number = next(self._numbers)
        with self._lock:
            if self._closed:
                return None
            self._open[number] = inquiry
        try:
            with suppress(OSError):  # it is gone
                if self._control.offer(kind, number, body):  # one that reads nothing must not block us
                    inquiry.over.wait(patience)
        finally:
            with self._lock:
                self._open.pop(number, None)
        return inquiry.answer

    def answered(self, number: int, body: Bytes) -> None:
        """The worker answered; too late is as good as not at all."""
        with self._lock:
            inquiry = self._open.get(number)
        if inquiry is not None:
            inquiry.answer = body
            inquiry.over.set()

    def close(self) -> None:
        """The worker is gone: nobody waits for it any longer."""
        with self._lock:
            self._closed = True
            waiting = list(self._open.values())
        for inquiry in waiting:
            inquiry.over.set()
