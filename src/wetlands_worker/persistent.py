"""A worker that outlives its program: programs come and go, and it serves one after the other.

Who runs it: a keeper (`wetlands_worker.keeper`), as ``python <this package> persistent DOOR NONCE SECONDS``. It
inherits one socket, its *door*, on which the keeper passes it the connections of each program that attaches. When a
program is gone, a running call goes on, and its answer is kept for the next one (`undelivered`). When the keeper is
gone, it ends.

What a program has read it says by its next call, or by READ when there is none for a moment. So an answer is never lost
with a program; one that came in the very last moment of a program may be given again.

| letter | from | content | enclosed |
|---|---|---|---|
| adoption | keeper | `("attach", page, segment, session, folder)`, as tokens | call and control connection |
| parting | keeper | `("alone",)`: the program is gone, which its connections do not show | - |
| leaving | keeper | `("leave",)` | - |
| question | keeper | `("state",)`, `("stacks",)`, `("debug", folder of debugpy, interpreter)` | - |
| state | worker | `("state", running, kept)`: `(task id, head)` or None, and those of the answers that it keeps | - |
| answer | worker | `("stacks", stacks)`, see `stacks`; `("debug", (host, port, what went wrong or None))` | - |

After HELLO come as many answers as it says are undelivered: for each, its outputs as OUTPUT frames, then an UNDELIVERED
frame. Its body begins with the length in four bytes of what is told about it: `(task id, head, asked, kind, progress)`.
The program answers TAKEN, and only then are they dropped here.
"""

import _socket  # the public module costs milliseconds
import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread

from wetlands_worker import begin, callbacks, messages, stdio
from wetlands_worker.control import leave, serve_control
from wetlands_worker.letters import receive_letter, send_letter
from wetlands_worker.page import open_page
from wetlands_worker.serve import Worker
from wetlands_worker.undelivered import Answer, Undelivered
from wetlands_worker.values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

    from wetlands_worker.exchange import Part
    from wetlands_worker.frames import Connection
    from wetlands_worker.page import Page

    Number = Union[int, float]
    Letter = Tuple[Any, List[int]]

__all__ = ["main"]

_CONNECTIONS = 2


def main(arguments: "List[str]") -> None:
    """Serve one program after the other, until the keeper says that it is enough, or is gone."""
    descriptor, nonce, seconds = arguments
    door = _Door(int(descriptor))
    letter = door.next()
    if letter is None:
        return
    worker = PersistentWorker(door, *_opened(letter), Undelivered(float(seconds)))
    main_module = begin.become_worker(worker, nonce)
    begin.listen_if_wanted()
    worker.serve_program()
    while worker.fit:
        letter = door.next()
        if letter is None:
            break
        try:
            worker.attach(*_opened(letter))
        except OSError:  # that program has gone already
            continue
        worker.serve_program()
    del main_module
    stdio.flush()


def _opened(letter: "Letter") -> "Tuple[Connection, Connection, Page, str]":
    (_, page, segment, session, folder), descriptors = letter
    if len(descriptors) != _CONNECTIONS:
        raise OSError(f"{len(descriptors)} connections came")  # the system had no room for them
    call_descriptor, control_descriptor = descriptors
    call, control = begin.connected(call_descriptor), begin.connected(control_descriptor)
    call.exchange = begin.joined(segment, control)
    _move_to(folder)
    return call, control, open_page(page), session


def _move_to(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError:  # it is gone, or not ours to enter
        os.chdir(os.path.abspath(os.sep))


class PersistentWorker(Worker):
    """A worker with one program at a time, and with none in between."""

    def __init__(
        self, door: "_Door", call: "Connection", control: "Connection", page: "Page", session: str, kept: Undelivered
    ) -> None:
        super().__init__(call, page, session)
        self._door = door
        self._kept = kept
        self._head, self._asked = b"", 0
        self._alone = False
        self._turn = allocate_lock()  # which program it is, and that it has gone, are told on two threads
        self._control = control
        door.worker = self
        self._take(call, control, page, session)

    def attach(self, call: "Connection", control: "Connection", page: "Page", session: str) -> None:
        """A program is there."""
        page_before, control_before = self._page, self._control
        self._take(call, control, page, session)
        control_before.close()
        os.close(page_before.descriptor)
        page_before.close()

    def _take(self, call: "Connection", control: "Connection", page: "Page", session: str) -> None:
        with self._turn:
            self._call, self._control, self._page, self._session = call, control, page, session
            self._alone = False
            self._early.clear()
        begin.write_stacks_into(page)
        serve_control(self, control)

    def serve_program(self) -> None:
        """Say hello, hand over what is kept, and run calls until the program has gone."""
        try:
            kept = self._kept.kept()
            begin.greet(self._call, undelivered=len(kept))
            if not kept or self._delivered(kept):
                self.serve()
        except OSError:
            pass
        self._kept.hung_up(self._call.exchange)
        exchange, self._call.exchange = self._call.exchange, None
        if exchange is not None:
            exchange.close()
        self._call.close()
        _move_to(os.path.abspath(os.sep))
        self._door.tell(self.state)

    def _delivered(self, answers: "List[Answer]") -> bool:
        for number, answer in enumerate(answers):
            for body, parts in answer.outputs:
                self._call.send(messages.OUTPUT, number, body, parts)
            told = encode((answer.task_id, answer.head, answer.asked, answer.kind, answer.progress))[0]
            whole = len(told).to_bytes(4, "little") + told + answer.body
            self._call.send(messages.UNDELIVERED, number, whole, answer.parts)
        frame = self._call.receive()
        if frame is None or frame[0] != messages.TAKEN:
            return False
        self._kept.delivered(answers)
        return True

    def abandon(self) -> None:
        """The program has gone, and a child of it holds the other ends of its connections."""
        self._call.abort()
        self._control.abort()

    @property
    def fit(self) -> bool:
        """Whether this process can still do its work."""
        return self._fit

    def state(self) -> "Tuple[object, ...]":
        """What the keeper is told while no program is there."""
        current = self._current
        running = None if current is None else (self.task_id(), self._head)
        return "state", running, self._kept.plain()

    # ------------------------------------------------------- while calls are run

    def _run_batch(self, number: int, head: bytes, values: "Any") -> None:
        self._kept.read()
        self._head, self._asked = head, messages.CALL
        super()._run_batch(number, head, values)
        self._kept.answering(number, None)

    def notes(self, kind: int, number: int) -> bool:
        """The program has read answers."""
        if kind == messages.READ:
            self._kept.read(number)
        return kind == messages.READ

    def _run(self, kind: int, number: int, head: bytes, values: "Any", buffers: "Any") -> "Any":
        if self._batch is None:
            self._kept.read()
            self._head, self._asked = head, kind
        return super()._run(kind, number, head, values, buffers)

    def _send_answer(self, number: int, kind: int, body: bytes, buffers: "Sequence[Part]") -> None:
        answer = Answer(f"{self._session}-{number}", self._head, self._asked, kind, body, buffers)
        self._kept.answering(number, answer)
        super()._send_answer(number, kind, body, buffers)

    # --------------------------------------------- when the program has gone

    def hung_up(self, control: "Connection") -> bool:
        """The program has closed the control connection, or is gone: nobody can help the running call any more."""
        with self._turn:
            if self._door.leaving or control is not self._control:  # the door sees to it; or another program came
                return False
            self._alone = True
            batch = self._batch
            if batch is not None:
                batch.stays()
            if self.credits is not None:  # nobody takes the items of a stream
                self.cancel_current()
            callbacks.desert()
        self._door.tell(self.state)
        return False

    def progress(
        self, number: int, message: "Optional[str]", current: "Optional[Number]", maximum: "Optional[Number]"
    ) -> bool:
        """Send progress unless that would block; without a program, keep it."""
        try:
            if not self._alone:
                return super().progress(number, message, current, maximum)
        except OSError:
            pass
        self._kept.progress(message, current, maximum)
        return True

    def output(self, number: int, key: str, value: object) -> None:
        """Send one named output; without a program, keep it."""
        encoded = encode((key, value))
        try:
            if not self._alone:
                self._call.send(messages.OUTPUT, number, *encoded)
                return
        except OSError:
            pass
        self._kept.output(key, encoded)

    def log(self, number: int, level: int, message: str) -> None:
        """Send one log record; without a program, the keeper writes it down."""
        try:
            if not self._alone:
                super().log(number, level, message)
                return
        except OSError:
            pass
        print(message, file=sys.stderr)  # noqa: T201 - as whatever a worker's code says

    def send_whole(self, kind: int, number: int, body: bytes, buffers: "Sequence[Part]") -> None:
        """Send an item of a stream, which is closed when its program has gone; or call a callable of the program."""
        try:
            super().send_whole(kind, number, body, buffers)
        except OSError:
            if kind != messages.ITEM:
                raise ConnectionError(callbacks.GONE) from None
            self.cancel_current()

    def close_in_child(self) -> None:
        """A forked child of user code is no worker."""
        super().close_in_child()
        self._control.close()
        self._door.close()


class _Door:
    """Takes what the keeper says, on a thread of its own.

    Attributes:
        leaving: Whether this process is to end.
        worker: The worker, once there is one.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional in the standard library
        self._socket = _socket.socket(fileno=descriptor)
        self._socket.settimeout(None)
        self.leaving = False
        self.worker: "Optional[PersistentWorker]" = None
        self._main_thread = get_ident()
        self._letter: "Optional[Letter]" = None
        self._lock = allocate_lock()
        self._sending = allocate_lock()
        self._came = allocate_lock()
        self._came.acquire()
        start_new_thread(self._hear, ())

    def next(self) -> "Optional[Letter]":
        """Wait for a program; None when this process is to end."""
        while not self.leaving:
            with self._lock:
                letter, self._letter = self._letter, None
            if letter is not None:
                return letter
            self._came.acquire()
        return None

    def tell(self, letter: "Callable[[], Tuple[object, ...]]") -> None:
        """Tell the keeper what is so when it is sent; if it is gone, that is noticed elsewhere."""
        try:
            with self._sending:
                send_letter(self._socket, letter())
        except OSError:
            pass

    def close(self) -> None:
        """This process is not the worker."""
        self._socket.close()

    def _hear(self) -> None:
        try:
            while self._heard(receive_letter(self._socket)):
                pass
        except OSError:
            pass
        self.leaving = True
        self._wake()
        if self.worker is not None:
            self.worker._call.abort()  # noqa: SLF001 - an idle one waits there, and ends
            leave(self.worker, self._main_thread)

    def _heard(self, letter: "Optional[Letter]") -> bool:
        if letter is None or letter[0][0] == "leave":
            return False
        if letter[0][0] == "attach":
            self._announce(letter)
        elif letter[0][0] == "alone" and self.worker is not None:
            self.worker.abandon()
        elif letter[0][0] == "stacks":
            from wetlands_worker.stacks import stacks  # noqa: PLC0415 - most workers are never asked

            found = stacks(self._main_thread, get_ident())
            self.tell(lambda: ("stacks", found))
        elif letter[0][0] == "state" and self.worker is not None:
            self.tell(self.worker.state)
        elif letter[0][0] == "debug" and self.worker is not None:
            start_new_thread(self._debug, (self.worker, *letter[0][1:]))  # it takes most of a second
        return True

    def _announce(self, letter: "Letter") -> None:
        """A program waits for the main thread; those that waited before have given up."""
        with self._lock:
            late, self._letter = self._letter, letter
        for descriptor in () if late is None else late[1]:
            os.close(descriptor)
        self._wake()

    def _debug(self, worker: PersistentWorker, folder: str, python: str) -> None:
        from wetlands_worker.control import debugger_of  # noqa: PLC0415 - most workers are never asked

        found = debugger_of(worker, folder, python, self._main_thread)
        self.tell(lambda: ("debug", found))

    def _wake(self) -> None:
        with self._lock:
            if self._came.locked():
                self._came.release()
