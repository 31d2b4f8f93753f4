"""Notices that idle workers died: one thread for a pool, waiting on all of its workers at once."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from wetlands._platform.exits import exit_descriptor
from wetlands_worker.frames import DONTWAIT, BrokenFrameError, receive_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._pool.worker import Worker
    from wetlands_worker.arrivals import Frame

__all__ = ["Monitor"]

_JOIN_SECONDS = 5.0
_MOST_FRAMES = 1000


class Monitor:
    """Watches the control connections of workers, and where the system can tell, their processes; and the clock.

    A process can end while its connection stays open in a child that it left behind; and a connection can be closed
    by a process that lives on. Either is the end of a worker.

    It also gives back what workers lent and nobody uses any more, when that is too much to wait for the next call.

    Args:
        gone: Is told of the end of a worker.
        said: Is given what a worker says on its control connection.
        due: Looks at a worker whose time has come, and says when to look again, or None.
    """

    def __init__(
        self,
        gone: Callable[[Worker], None],
        said: Callable[[Worker, Frame], None],
        due: Callable[[Worker], float | None],
    ) -> None:
        self._due = due
        self._gone = gone
        self._said = said
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._watched: dict[Worker, tuple[socket.socket, int | None]] = {}
        self._forgotten: set[Worker] = set()
        self._ours, self._theirs = socket.socketpair()
        self._selector.register(self._theirs, selectors.EVENT_READ, None)
        self._closed = False
        self._new: list[Worker] = []
        self._deeds: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="wetlands-monitor", daemon=True)
        self._thread.start()

    def watch(self, worker: Worker) -> None:
        """Tell of the end of this worker."""
        with self._lock:
            self._new.append(worker)
        self._ours.send(b"w")

    def look_at(self, worker: Worker, when: float) -> None:
        """Look at a worker at that time of `time.monotonic`, or before.

        A call that ends takes nothing back: the look finds that it has nothing to do. So a thousand short calls with
        the same limit cost one look.
        """
        if self._note(worker, when):
            with suppress(OSError):  # the monitor has been closed
                self._ours.send(b"t")

    def soon(self, deed: Callable[[], None]) -> None:
        """Do something on the thread of the monitor, which must not wait: here at once when that has been closed."""
        with self._lock:
            closed = self._closed
            if not closed:
                self._deeds.append(deed)
        if closed:
            deed()
        else:
            with suppress(OSError):  # it has been closed since, and has done this last
                self._ours.send(b"d")

    @staticmethod
    def _note(worker: Worker, when: float | None) -> bool:
        """Remember when to look; whether that is earlier than what was known."""
        if when is None or (worker.due is not None and worker.due <= when):
            return False
        worker.due = when
        return True

    def close(self) -> None:
        """Watch no more."""
        with self._lock:
            self._closed = True
        with suppress(OSError):  # the thread has seen it already, when a worker ended at this moment
            self._ours.send(b"c")
        self._thread.join(_JOIN_SECONDS)
        self._ours.close()

    def _prompt(self) -> None:
        """Give leases back soon; called by finalizers, on any thread and under any lock, so nothing here may wait."""
        with suppress(OSError):
            self._ours.send(b"r", DONTWAIT)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(self._until_due()):
                worker = key.data
                if worker is None:
                    self._theirs.recv(4096)
                    for watched in self._watched:
                        watched.process.call.give_back()
                elif isinstance(key.fileobj, int) or not self._receives(worker):
                    self._forget(worker)
                    self._gone(worker)
            with self._lock:
                closed = self._closed
                new, self._new = self._new, []
                deeds, self._deeds = self._deeds, []
            for deed in deeds:
                deed()
            if closed:
                break
            for worker in new:
                self._register(worker)
            self._look()
        for worker in list(self._watched):
            self._forget(worker)
        self._selector.close()
        self._theirs.close()

    def _until_due(self) -> float | None:
        """Seconds until the first worker is to be looked at; None when none is."""
        times = [worker.due for worker in self._watched if worker.due is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _look(self) -> None:
        now = time.monotonic()
        for worker in self._watched:
            if worker.due is not None and worker.due <= now:
                worker.due = None  # first: a call that begins from here on finds that it must ask for a look
                self._note(worker, self._due(worker))

    def _receives(self, worker: Worker) -> bool:
        """Take what a worker says on its control connection, without waiting for it; whether it is still connected."""
        with suppress(OSError, BrokenFrameError):
            for _ in range(_MOST_FRAMES):  # nobody has so much to say; the others are waited for too
                try:
                    frame = worker.process.control.receive()
                except BlockingIOError:  # it has said no more, or not all of it
                    return True
                if frame is None:
                    return False
                self._said(worker, frame)
                if not worker.process.control.has_more():
                    return True
        return False

    def _register(self, worker: Worker) -> None:
        try:
            # of our own: whoever loses the worker first closes its connections, and their numbers are given to others
            control = cast("socket.socket", worker.process.control.socket).dup()
        except OSError:  # that has happened already
            return
        worker.process.control.receive_by(partial(receive_now, control))
        descriptor = exit_descriptor(worker.process.pid)
        self._watched[worker] = control, descriptor
        exchange = worker.process.call.exchange
        if exchange is not None:
            exchange.prompt = self._prompt
        self._selector.register(control, selectors.EVENT_READ, worker)
        if descriptor is not None:
            self._selector.register(descriptor, selectors.EVENT_READ, worker)

    def _forget(self, worker: Worker) -> None:
        if worker not in self._watched:  # both of its signs came at once
            return
        control, descriptor = self._watched.pop(worker)
        self._selector.unregister(control)
        control.close()
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)
