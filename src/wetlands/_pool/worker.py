"""One worker as the pool sees it: its process, who reads its answers, and what is told when it is lost."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from wetlands._launch.lending import lending
from wetlands._plain.decoding import decode_plain
from wetlands._plain.limits import distrust
from wetlands._pool.call import TERMINAL
from wetlands._pool.inquiry import Inquiries
from wetlands_worker import messages
from wetlands_worker.failures import WorkerInfo
from wetlands_worker.frames import BrokenFrameError
from wetlands_worker.values import DecodeError, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._launch.process import WorkerProcess
    from wetlands._plain.decoding import Accept, Decode
    from wetlands._pool.call import Call
    from wetlands_worker.arrivals import Frame, Received
    from wetlands_worker.failures import TaskFailure
    from wetlands_worker.frames import Bytes

    Answer = tuple[int, Bytes, Received]

__all__ = ["Worker"]

_OFFERS, _OFFER_SECONDS = 20, 0.001
"""How often what must not wait is tried, while another thread may be sending at this moment."""


class Worker:
    """A live worker.

    Exactly one thread reads the call connection at any time: the caller of a blocking call that found the worker idle,
    which costs no hand-over at all, or else the reader thread of the worker, which is started when it is first needed.

    Attributes:
        index: Its place in the pool; a replacement takes the same.
        lost: Whether it is known to be gone; written under the lock of the pool.
        orderly: Whether it was lost only when the pool was being closed, which sees to its end; written with `lost`.
        gone: Is set when it is known to be gone.
        condemned: The call for which it is being killed; written under the lock of the pool.
        verdict: How that call fails; None: it is canceled.
        due: When the monitor is to look at it, by `time.monotonic`, or None.
        idle_since: When it ended its last call or was ready, where that matters, by `time.monotonic`.
        unread: The number of the answer that it does not know to have been read; 0: none, or that does not matter.
        inquiries: What its control thread is being asked.
        reader: The reader thread, once it was needed.
        decode: How its values are read.
    """

    def __init__(self, index: int, process: WorkerProcess, environment: str, accept: Accept = "any") -> None:
        self.index = index
        self.process = process
        self.info = WorkerInfo(environment, index, process.pid, process.port, process.persistent)
        self.lost = False
        self.orderly = False
        self.gone = threading.Event()
        self.condemned: Call | None = None
        self.verdict: TaskFailure | None = None
        self.due: float | None = None
        self.idle_since = 0.0
        self.unread = 0
        self.inquiries = Inquiries(process.control)
        self._handed_over: SimpleQueue[Call | None] = SimpleQueue()
        self.reader: threading.Thread | None = None
        self.decode: Decode = decode
        if accept == "plain":
            self.decode = decode_plain
            distrust(process.call, process.control)

    def ask(self, kind: int, call: Call, body: bytes = b"") -> None:
        """Send CANCEL, RECALL or CREDIT for a call; nothing happens when the worker is gone, or has answered it."""
        with suppress(OSError):
            self.process.control.send(kind, call.number, body)

    def said(self, frame: Frame, running: Call | None) -> None:
        """It said something on its control connection, while it runs this call."""
        kind, number, body, buffers = frame
        if kind in {messages.ASKED, messages.GAVE}:
            self._lends(kind, number, body)
            return
        if kind != messages.RECALLED:
            self.inquiries.answered(number, body)
            return
        try:
            stays = decode_plain(body, buffers)
        except DecodeError:  # of a worker that makes no sense: its batch comes to its end all the same
            return
        if running is not None and running.number == number and isinstance(stays, int):
            running.recalled(stays)

    def _lends(self, kind: int, number: int, body: Bytes) -> None:
        """It needs to lend more memory to us, or less."""
        exchange = self.process.call.exchange
        needed, wanted = (int.from_bytes(body[first : first + 8], "little") for first in (0, 8))
        if exchange is None:
            return
        if kind == messages.GAVE:
            lending.gave(exchange, needed)
            return
        granted = lending.ask(exchange, needed, wanted)
        answer = granted.to_bytes(8, "little")
        with suppress(OSError):
            for _ in range(_OFFERS):
                if self.process.control.offer(messages.GRANTED, number, answer):
                    return
                time.sleep(_OFFER_SECONDS)
        lending.gave(exchange, granted)  # it reads nothing, and will do without

    def interrupt(self, call: Call) -> None:
        """Raise KeyboardInterrupt in a call; never waits, and a worker that reads nothing is not interrupted."""
        with suppress(OSError):
            self.process.control.offer(messages.INTERRUPT, call.number, b"")

    def read_answer(self, call: Call) -> Answer | None:
        """Read until a call is answered; None when the worker is gone. What comes before is reported to the call."""
        receive, has_more = self.process.call.receive, self.process.call.has_more
        number = call.number
        while True:
            try:  # about the whole: what makes no sense ends it, wherever that is found
                frame = receive()
                if frame is None:
                    return None
                kind, of, body, buffers = frame
                if of == number and kind in TERMINAL:
                    call.answer = kind, body, buffers
                    return call.answer
                if kind == messages.CALLBACK:
                    call.called_back(of, self.process.control, body, buffers)
                elif of != number:
                    call.other(of, kind, body, buffers)
                    lull = 0.0 if has_more() else call.lull()
                    if lull:
                        time.sleep(lull)
                else:
                    call.report(kind, body, buffers)
            except (BrokenFrameError, OSError):  # noqa: PERF203 - costs nothing where nothing is raised, from 3.11 on
                return None

    def hand_over(self, call: Call, read: Callable[[Worker, Call], None]) -> None:
        """Let the reader thread read the answer of a call, by way of `read`."""
        if self.reader is None:
            name = f"wetlands-reader-{self.process.pid}"
            reader = threading.Thread(target=self._read_handed_over, args=(read,), name=name, daemon=True)
            reader.start()
            self.reader = reader  # Ctrl-C before this leaves a second reader, which is as good as the first
        self._handed_over.put(call)

    def _read_handed_over(self, read: Callable[[Worker, Call], None]) -> None:
        while (call := self._handed_over.get()) is not None:
            if not call.taken:  # it was handed over twice when Ctrl-C came in between
                call.taken = True
                read(self, call)
            del call
        self._handed_over.put(None)  # for a second reader

    def close(self, timeout: float) -> None:
        """Let go of the connections and end the reader thread; the process has ended."""
        self.gone.set()
        self.inquiries.close()
        self._handed_over.put(None)
        if self.reader is not None and self.reader is not threading.current_thread():
            self.reader.join(timeout)
        self.process.close()
