"""The control connection: a small thread that answers while the main thread is busy with a task.

It takes cancellations and interrupts, answers pings, and notices that the host has gone. Then it climbs the ladder that
the host would have climbed: an idle worker has already left by itself, because its main thread saw the end of the call
connection; a busy one is asked to stop, interrupted, and ended. What holds Python's lock for ever cannot be reached by
any thread of this process; the guardian of the pool ends it.
"""

import os
import sys
from _thread import get_ident, interrupt_main, start_new_thread
from time import sleep

from wetlands_worker import messages
from wetlands_worker.descriptors import Descriptors
from wetlands_worker.frames import BrokenFrameError
from wetlands_worker.values import DecodeError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Tuple

    from wetlands_worker.arrivals import Frame, Received
    from wetlands_worker.frames import Bytes, Connection
    from wetlands_worker.serve import Worker

try:
    from _signal import SIGINT, pthread_kill  # type: ignore[import-not-found]  # signal would import enum, slowly
except ImportError:  # Windows
    pthread_kill = None

ORPHANED = 75  # the exit code of a worker that ended itself because its host had gone (EX_TEMPFAIL)


def serve_control(worker: "Worker", control: "Connection") -> None:
    """Serve the control connection from a thread of its own, until the process ends."""
    main_thread = get_ident()
    # The module `threading` takes whoever imports it first for the main thread, so this thread must not be the one.
    start_new_thread(_serve, (worker, control, main_thread))


def _serve(worker: "Worker", control: "Connection", main_thread: int) -> None:
    received = Descriptors(control)
    try:
        while True:
            frame = control.receive()
            if frame is None:
                break
            if frame[0] == messages.ADOPT:
                name = frame[2][8:].decode()
                worker.adopt(frame[1], int.from_bytes(frame[2][:8], "little"), name or received.pop())
            elif frame[0] == messages.FORGET:
                worker.forget(frame[1])
            elif frame[0] == messages.GRANTED:
                worker.granted(frame[1], int.from_bytes(frame[2], "little"))
            elif frame[0] == messages.COOL:
                worker.cool()
            elif not _do(worker, control, frame, main_thread):
                break
    except (OSError, BrokenFrameError):
        pass
    if worker.hung_up(control):
        leave(worker, main_thread)


def _do(worker: "Worker", control: "Connection", frame: "Frame", main_thread: int) -> bool:
    """Do what the host asks for; whether it is known here."""
    kind, number, body, _ = frame
    if kind == messages.PING:
        control.send(messages.PONG, number)
    elif kind == messages.STACK:
        control.send(messages.STACKS, number, _stacks(main_thread))
    elif kind == messages.DEBUG:  # takes most of a second, in which a cancellation may come
        start_new_thread(_debug, (worker, control, number, body, main_thread))
    else:
        return _tell(worker, control, frame, main_thread)
    return True


def _tell(worker: "Worker", control: "Connection", frame: "Frame", main_thread: int) -> bool:
    """Do what the host says of a call; whether it is known here."""
    kind, number, body, buffers = frame
    if kind == messages.CANCEL:
        worker.cancel(number)
    elif kind == messages.INTERRUPT:
        if worker.runs(number):
            worker.cancel(number)  # it may come before the CANCEL that another thread of the host sends
            interrupt(main_thread)
    elif kind == messages.RECALL:
        stays = worker.recall(number)
        if stays is not None:
            control.send(messages.RECALLED, number, encode(stays)[0])
    elif kind == messages.CREDIT:
        _grant(worker, number, body)
    elif kind == messages.CALLED:
        _called(body, buffers)
    else:
        return False
    return True


def _grant(worker: "Worker", number: int, body: "Bytes") -> None:
    credits_ = worker.credits
    if credits_ is not None and credits_.number == number:  # else the stream has ended meanwhile
        credits_.grant(int.from_bytes(body, "little"))


def _called(body: "Bytes", buffers: "Received") -> None:
    from wetlands_worker.callbacks import arrived  # noqa: PLC0415 - most workers call nobody

    arrived(body, buffers)


def _stacks(main_thread: int) -> bytes:
    from wetlands_worker.stacks import stacks  # noqa: PLC0415 - most workers are never asked

    return encode(stacks(main_thread, get_ident()))[0]


def debugger_of(worker: "Worker", folder: str, python: str, main_thread: int) -> "Tuple[object, ...]":
    """Where this worker listens for a debugger from now on: host, port, and what went wrong, or None."""
    from wetlands_worker.debugger import DebuggerError, listen  # noqa: PLC0415 - most workers are never asked

    def on_main(errand: "Callable[[], object]") -> None:
        worker.errand = errand
        interrupt(main_thread)

    try:
        return (*listen(folder, python, on_main), None)
    except (DebuggerError, ValueError) as error:
        return "", 0, str(error)


def _debug(worker: "Worker", control: "Connection", number: int, body: "Bytes", main_thread: int) -> None:
    try:
        where: "Any" = decode(body, ())  # Any: a pair of texts
        folder, python = where
        answer = debugger_of(worker, folder, python, main_thread)
    except (DecodeError, ValueError) as error:
        answer = ("", 0, str(error))
    try:
        control.send(messages.DEBUGGER, number, encode(answer)[0])
    except OSError:  # the host has gone, which the loop sees too
        pass


def interrupt(main_thread: int) -> None:
    """Raise KeyboardInterrupt in the main thread, also inside a system call such as ``time.sleep``."""
    if pthread_kill is None:
        interrupt_main()
    else:
        pthread_kill(main_thread, SIGINT)


def leave(worker: "Worker", main_thread: int) -> None:
    """End this process, by growing force while a task runs."""
    ladder: "Tuple[Tuple[Callable[[], None], float], ...]" = (
        (worker.cancel_current, 1.0),
        (lambda: interrupt(main_thread), 0.75),
    )
    for step, pause in ladder:
        step()
        sleep(pause)  # an idle worker, or a task that stops, ends the process meanwhile
    _flush_and_exit()


def _flush_and_exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - nobody is left to be told
            pass
    os._exit(ORPHANED)
