"""The worker's main loop: read a call, run it on the main thread, send what came of it."""

import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread

from wetlands_worker import messages, stdio
from wetlands_worker.handle import RemoteTaskHandle
from wetlands_worker.invoke import call as invoke
from wetlands_worker.modules import ModuleLoader
from wetlands_worker.values import DecodeError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

    from wetlands_worker.arrivals import Received
    from wetlands_worker.batches import Batch
    from wetlands_worker.exchange import Part
    from wetlands_worker.frames import Connection
    from wetlands_worker.page import Page
    from wetlands_worker.streaming import Credits

    Number = Union[int, float]
    Bytes = Union[bytes, bytearray]
    Outcome = Tuple[int, bytes, Sequence[Part]]

_MAX_EARLY = 1024
_MOST_TARGETS = 1024  # a program may make up functions for ever
_CALLS = frozenset((messages.CALL, messages.SCRIPT, messages.BATCH, messages.STREAM, messages.CHUNK))


class Worker:
    """One worker process: its connections, its loader of user modules, and the task it runs."""

    def __init__(self, call: "Connection", page: "Page", session: str) -> None:
        self._call = call
        self._page = page
        self._session = session
        self._loader = ModuleLoader.of_this_process()
        self._targets: "Dict[bytes, Tuple[str, str]]" = {}
        self._current: "Optional[RemoteTaskHandle]" = None
        self.main_thread = get_ident()
        self.errand: "Optional[Callable[[], object]]" = None  # for the main thread, which comes to it by SIGINT
        self._interruptible = False
        self._early: "Dict[int, None]" = {}  # canceled before they came; a dict keeps the order
        self._early_lock = allocate_lock()
        self._batch: "Optional[Batch]" = None
        self._forked = False  # noted by the hook of the fork: to ask the system at each call takes as long as a pickle
        self._warned = False
        self._fit = True  # whether this process can still do its work
        self.credits: "Optional[Credits]" = None
        """Of the stream that runs; the control thread adds to them."""

    # ------------------------------------------------------------- main loop

    def serve(self) -> None:
        """Run calls one after the other until the host closes the connection."""
        self._call.wait_eagerly()
        receive = self._call.receive
        while self._fit:
            frame = receive()
            if frame is None:
                return
            kind, number, body, buffers = frame
            if kind not in _CALLS:
                if self.notes(kind, number):
                    continue
                return
            head, values = messages.split_target(body)
            del frame, body
            try:
                if kind == messages.BATCH:
                    self._run_batch(number, head, values)
                else:
                    self._answer(number, self._run(kind, number, head, values, buffers))
            except OSError:  # the host has gone
                return
            del values, buffers  # an idle worker keeps no arguments alive

    def notes(self, kind: int, number: int) -> bool:  # noqa: ARG002 - see `persistent`
        """The host says something that is no call; whether that is known here."""
        return False

    def _run_batch(self, number: int, head: bytes, values: "Bytes") -> None:
        from wetlands_worker.batches import Batch  # noqa: PLC0415 - most workers are sent none

        try:
            calls: "Any" = decode(values, ())  # Any: a list of (number, arguments)
        except DecodeError as error:
            self._call.send(*_addressed(number, self._failed(error, RemoteTaskHandle(number, self))))
            return
        batch = self._batch = Batch(number, len(calls))
        if number in self._early:
            batch.stays()
        try:
            for of, arguments in calls:
                if not batch.begins():
                    break
                self._answer(of, self._run(messages.CALL, of, head, arguments, ()))
        finally:  # a persistent worker goes on without its host
            self._batch = None
        self._call.send(messages.RESULT, number, encode(batch.stays())[0])

    def _run(self, kind: int, number: int, head: bytes, values: "Bytes", buffers: "Received") -> "Outcome":
        handle = self._current = RemoteTaskHandle(number, self)
        self._page.begin(number)
        try:
            self._interruptible = True
            if number in self._early:
                handle.cancel()
                outcome: "Outcome" = (messages.CANCELED, b"", ())
            else:
                outcome = self._outcome(kind, head, values, buffers, handle)
            self._interruptible = False
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is an answer
            self._interruptible = False
            outcome = self._failed(error, handle)
        if self._forked:  # user code forked, and this is the child coming back
            stdio.flush()
            os._exit(0)
        return outcome

    def _failed(self, error: BaseException, handle: RemoteTaskHandle) -> "Outcome":
        try:
            if "WETLANDS_HOLD_SECONDS" in os.environ:
                _debugger().hold_failure(error, handle)
            from wetlands_worker.answers import failure  # noqa: PLC0415 - only a failure needs it

            return failure(error, handle)
        except ImportError as problem:  # a task has broken the import system: let another process go on
            self._fit = False
            reason = f"{type(error).__name__}, and a task has left this process unable to import ({problem})"
            return messages.FAILURE, encode(("internal_exception", reason, None, (), None, None))[0], ()

    def _outcome(
        self, kind: int, head: bytes, values: "Bytes", buffers: "Received", handle: RemoteTaskHandle
    ) -> "Outcome":
        target = self._targets.get(head)
        if target is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            target = self._targets[head] = messages.unpack_target(head)
        if kind == messages.CALL:
            function = self._loader.function(*target)  # first: the classes of arguments may be of its module
            args, options = _arguments(values, buffers)
            return (messages.RESULT, *self._staged(invoke(function, args, options, handle)))
        if kind == messages.CHUNK:
            from wetlands_worker import chunks  # noqa: PLC0415 - most workers are sent none

            function = self._loader.function(*target)
            return chunks.answer(function, _arguments(values, buffers)[0], handle, self._staged)
        if kind == messages.STREAM:
            from wetlands_worker import streaming  # noqa: PLC0415 - most workers never stream

            result = streaming.serve(self, self._loader.function(*target), _arguments(values, buffers), handle)
            return (messages.RESULT, *self._staged(result))
        args, options = _arguments(values, buffers)
        from wetlands_worker.answers import crossing  # noqa: PLC0415 - only scripts need it

        return (messages.RESULT, *self._staged(crossing(self._loader.run_script(target[0], args, options))))

    def _staged(self, result: object) -> "Tuple[bytes, Sequence[Part]]":
        """A result, copied to where the host finds it: the arguments may end now, and go back together with it."""
        body, buffers = encode(result, name="result")
        exchange = self._call.exchange
        return body, exchange.stage(buffers) if exchange is not None and buffers else buffers

    def is_here(self) -> bool:
        """Whether this process is the worker, and not a forked child of user code."""
        return not self._forked

    def send_whole(self, kind: int, number: int, body: bytes, buffers: "Sequence[Part]") -> None:
        """Send a frame from within user code, which no interrupt cuts short."""
        before = self._interruptible
        main = get_ident() == self.main_thread
        if main:
            self._interruptible = False
        self._call.send(kind, number, body, buffers)
        if main:
            self._interruptible = before

    def _answer(self, number: int, outcome: "Outcome") -> None:
        kind, body, buffers = outcome
        handle = self._current
        if handle is not None:
            if handle._finish():  # noqa: SLF001 - the loop is the other half of the handle
                kind, body, buffers = messages.CANCELED, b"", ()
            if handle._pending is not None:  # noqa: SLF001 - see above
                self._send_pending(handle)
        stdio.leave()
        self._current = None
        if self._early:
            with self._early_lock:
                self._early.pop(number, None)
        self._send_answer(number, kind, body, buffers)

    def _send_answer(self, number: int, kind: int, body: bytes, buffers: "Sequence[Part]") -> None:
        self._call.send(kind, number, body, buffers)

    # ------------------------------------------- asked by the control thread

    def hung_up(self, control: "Connection") -> bool:  # noqa: ARG002 - see `persistent`
        """The host has closed this control connection, or is gone; whether this process is to end for that."""
        return True

    def cancel(self, number: int) -> None:
        """Ask a task to stop, or drop it when it has not come yet."""
        current = self._current
        if current is not None and current._number == number:  # noqa: SLF001 - see above
            self._ask_to_stop(current)
            return
        if self.recall(number) is not None:
            self.cancel_current()
            return
        with self._early_lock:
            self._early[number] = None
            while len(self._early) > _MAX_EARLY:
                del self._early[next(iter(self._early))]
        self.recall(number)  # it may have begun between the two looks
        current = self._current
        if current is not None and current._number == number:  # noqa: SLF001 - see above
            self._ask_to_stop(current)

    def recall(self, number: int) -> "Optional[int]":
        """Begin no further call of a batch; how many stay here, or None when it is not the one that runs."""
        batch = self._batch
        return batch.stays() if batch is not None and batch.number == number else None

    def cancel_current(self) -> None:
        """Ask whatever runs to stop."""
        current = self._current
        if current is not None:
            self._ask_to_stop(current)

    def _ask_to_stop(self, handle: RemoteTaskHandle) -> None:
        handle.cancel_requested = True
        credits_ = self.credits
        if credits_ is not None:
            credits_.wake()

    def runs(self, number: int) -> bool:
        """Whether the main thread is in this task's user code."""
        current = self._current
        return self._interruptible and current is not None and current._number == number  # noqa: SLF001 - see above

    def interrupted(self, _signal: int, frame: "Optional[FrameType]") -> None:
        """SIGINT: run an errand of another thread, or leave the running user code; once.

        An import that is left leaves modules half made, which no later import of them mends: another process goes on.
        """
        errand, self.errand = self.errand, None
        if errand is not None:
            errand()
            return
        if self._interruptible:
            self._interruptible = False
            self._fit = not _is_importing(frame)
            raise KeyboardInterrupt

    def current(self) -> "Optional[RemoteTaskHandle]":
        """The handle of the running task."""
        return self._current

    def task_id(self) -> str:
        """The id under which the host knows the running task."""
        current = self._current
        return "" if current is None else f"{self._session}-{current._number}"  # noqa: SLF001 - see above

    # --------------------------------------------------- Reporter of handles

    def progress(
        self, number: int, message: "Optional[str]", current: "Optional[Number]", maximum: "Optional[Number]"
    ) -> bool:
        """Send progress unless that would block."""
        return self._call.offer(messages.UPDATE, number, encode((message, current, maximum))[0])

    def progress_later(self, handle: RemoteTaskHandle) -> None:
        """Send what is merged while the connection is full, from a thread that may wait for room."""
        start_new_thread(self._send_pending, (handle,))

    def _send_pending(self, handle: RemoteTaskHandle) -> None:
        try:
            self._call.flush()
            pending = handle._take_pending()  # noqa: SLF001 - see above
            if pending is not None:
                self._call.send(messages.UPDATE, handle._number, encode(pending)[0])  # noqa: SLF001 - see above
        except OSError:  # the host has gone, which the main loop sees too
            pass

    def output(self, number: int, key: str, value: object) -> None:
        """Send one named output."""
        self._call.send(messages.OUTPUT, number, *encode((key, value)))

    def log(self, number: int, level: int, message: str) -> None:
        """Send one log record."""
        self._call.send(messages.LOG, number, encode((level, message))[0])

    def late(self, what: str) -> None:
        """Warn once that a thread of a task outlived it."""
        if not self._warned:
            self._warned = True
            print(  # noqa: T201 - stderr is how a worker's code speaks to the log
                f"task.{what}() was called after its function had returned, or in a child process; "
                "this and later ones are ignored",
                file=sys.stderr,
            )

    def adopt(self, number: int, size: int, where: "Union[int, str]") -> None:
        """The host gives us the memory of another worker, as a file or by name."""
        if self._call.exchange is not None:
            self._call.exchange.adopt(number, size, where)
        elif isinstance(where, int):
            os.close(where)

    def granted(self, number: int, amount: int) -> None:
        """The host answers how much more may be lent to it."""
        exchange = self._call.exchange
        if exchange is not None and exchange.room is not None:
            exchange.room.answered(number, amount)

    def cool(self) -> None:
        """Others need the memory that is kept for later results."""
        exchange = self._call.exchange
        if exchange is not None:
            exchange.zone.cool()

    def forget(self, number: int) -> None:
        """That memory will not be used by any later call."""
        if self._call.exchange is not None:
            self._call.exchange.forget(number)

    def close_in_child(self) -> None:
        """A forked child of user code is no worker: the host must see the end when the worker itself ends."""
        self._forked = True
        self._call.close()
        if self._current is not None:  # nothing that it reports could arrive
            self._current._finished = True  # noqa: SLF001 - see above


def _addressed(number: int, outcome: "Outcome") -> "Tuple[int, int, bytes, Sequence[Part]]":
    kind, body, buffers = outcome
    return kind, number, body, buffers


def _is_importing(frame: "Optional[FrameType]") -> bool:
    while frame is not None and frame.f_code.co_filename != __file__:  # what lies outside is how this was started
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _arguments(values: "Bytes", buffers: "Received") -> "Any":  # Any: whatever the user passed
    decoded: "Any" = decode(values, buffers)
    if isinstance(buffers, list):
        buffers.clear()  # from here on the arguments alone keep their memory
    return decoded


def _debugger() -> "Any":  # Any: a module
    from wetlands_worker import debugger  # noqa: PLC0415 - only who debugs needs it

    return debugger
