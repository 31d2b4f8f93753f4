"""One call, as the pool sees it: what is sent to a worker, and who is told what came of it."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from wetlands._plain.decoding import decode_plain
from wetlands._plain.fields import counts, failure_fields, fields, script_globals
from wetlands._pool.work import Work
from wetlands._tasks.events import Progress
from wetlands._tasks.life import new_number, session
from wetlands.exceptions import ExecutionException
from wetlands.logger import logger
from wetlands.ref import keep
from wetlands_worker import messages
from wetlands_worker.failures import TaskFailure, TaskFailureCategory
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from wetlands._launch.output import ProcessLogger
    from wetlands._plain.decoding import Decode
    from wetlands._tasks.events import CancelStep
    from wetlands.task import Task
    from wetlands_worker.arrivals import Received
    from wetlands_worker.failures import TracebackFrame, WorkerInfo
    from wetlands_worker.frames import Bytes, Connection

__all__ = ["TERMINAL", "BlockingCall", "Call", "TaskCall", "Work"]

T = TypeVar("T")

Limit = Literal["deadline", "silence", "interrupt", "kill"]
"""What a call can run into: its time is over, it was silent for too long, a step of its cancellation is due."""

_INTERRUPT_SECONDS = 0.5

TERMINAL = frozenset((messages.RESULT, messages.FAILURE, messages.CANCELED))
"""The kinds of frames that end a call."""


class Call:
    """One call on its way through the pool; subclasses say who is told of it.

    The pool calls `started` at most once, and then exactly one of `settle`, `lost` and `dropped`.
    """

    __slots__ = (
        "_began",
        "answer",
        "decode",
        "forces",
        "heard",
        "losses",
        "number",
        "output",
        "parked",
        "sender",
        "sent",
        "taken",
        "unwanted",
        "work",
        "worker",
    )

    def __init__(self, work: Work, number: int) -> None:
        self.work = work
        self.number = number
        self.worker: WorkerInfo | None = None
        self.decode: Decode = decode_plain  # how values of its worker are read
        self.output: ProcessLogger | None = None  # what its worker writes
        self.sent = False  # the pool's: whether a worker may have seen it
        self.sender: int | None = None  # the pool's: which thread sends it, if not the one that asked for it
        self.parked = False  # the pool's: whether it has a worker, and waits for room for its arguments
        self.taken = False  # the reader's: whether it reads the answer, or has read it
        self.losses = 0  # the pool's: how many workers died before they came to it
        self.unwanted = False  # the pool's: whether it was canceled
        self.answer: tuple[int, Bytes, Received] | None = None  # read, and not told yet
        self._began = 0.0
        self.forces: tuple[tuple[float, Limit], ...] = ()  # how it is ended should it not stop, the next step first
        self.heard = 0.0  # when a worker last said something of it

    @property
    def task_id(self) -> str:
        """The id of its task, also where no `Task` object exists."""
        return f"{session()}-{self.number}"

    @property
    def seconds(self) -> float | None:
        """For how long it has been running, or None."""
        return self._elapsed()

    @property
    def progress(self) -> Progress:
        """How far it has come, by its own word."""
        return Progress()

    def started(self, worker: WorkerInfo, decode: Decode, output: ProcessLogger) -> None:
        """A worker takes it, whose values are read like that, and which writes there."""
        self.worker, self.decode, self.output = worker, decode, output
        self._began = self.heard = time.monotonic()

    def force(self, after: float) -> None:
        """It was canceled: interrupt it after so many seconds, and then kill its worker."""
        now = time.monotonic()
        self.forces = ((now + after, "interrupt"), (now + after + max(after, _INTERRUPT_SECONDS), "kill"))

    def forced(self, step: CancelStep) -> None:
        """A step of that is being taken."""
        self._log(logging.INFO, f"{self.work.call_target} was canceled and goes on: it is {step}")

    def overdue(self, silence: float | None, written: float) -> tuple[float, Limit] | None:
        """When it will have taken too long, and for what; None: never.

        Args:
            silence: The seconds that it may go without a sign of life, or None.
            written: When its worker last wrote something.
        """
        if not self._began:  # it is on its way to a worker
            return None
        callbacks = self.work.callbacks
        if callbacks is not None and callbacks.running:  # the worker waits for us
            self.heard = time.monotonic()
        timeout = self.work.timeout
        limits = list(self.forces[:1])
        if timeout is not None:
            limits.append((self._running_since() + timeout, "deadline"))
        if silence is not None:
            limits.append((max(self.heard, written) + silence, "silence"))
        return min(limits, default=None)

    def put_back(self) -> None:
        """Its worker is gone and had not come to it: it waits again."""
        self._began = 0.0
        self.taken, self.sent, self.parked, self.sender = False, False, False, None
        self.losses += 1

    def _running_since(self) -> float:
        return self._began

    def send(self, connection: Connection) -> None:
        """Send it to a worker.

        Raises:
            OSError: The worker is gone.
        """
        work = self.work
        connection.send(work.kind, self.number, work.head + work.values, work.buffers)

    def other(self, of: int, kind: int, body: Bytes, buffers: Received) -> None:
        """A frame came of another number: of a call that has ended, from a thread which it left behind."""

    def lull(self) -> float:
        """For how many seconds to ask for nothing more after an answer to another number."""
        return 0.0

    def called_back(self, of: int, connection: Connection, body: Bytes, buffers: Received) -> None:
        """Its worker calls a callable that came with it; the answer goes to that connection."""
        callbacks = self.work.callbacks
        if of == self.number and callbacks is not None:
            self.heard = time.monotonic()
            callbacks.called(self, connection, body, buffers)

    def waits_for(self, thread: int) -> bool:  # noqa: ARG002 - some do
        """Whether its function goes on only when a thread of ours takes what it has made."""
        return False

    def begun(self, last_begun: int) -> bool:
        """Whether a worker that died had come to it, by the number of what it had begun last."""
        return last_begun == self.number

    def recalled(self, stays: int) -> None:
        """The worker will begin no more than the first so many of its parts."""

    def report(self, kind: int, body: Bytes, buffers: Received) -> None:
        """A frame came that does not end it: progress, an output, a log record. One that cannot be read is logged."""
        self.heard = time.monotonic()
        try:
            self._reported(kind, body, buffers)
        except (DecodeError, TypeError, ValueError) as error:
            if kind == messages.OUTPUT:
                self.refused(error)
            self._log(logging.WARNING, f"A report of {self.work.call_target} cannot be read here: {error}")

    def refused(self, error: Exception) -> None:
        """An output cannot be read."""

    def _reported(self, kind: int, body: Bytes, buffers: Received) -> None:
        if kind == messages.LOG:
            level, message = fields(self.decode(body, buffers), 2)[:2]
            if isinstance(level, int) and isinstance(message, str):
                if self.output is not None:
                    self.output.noted.note(self.task_id, level, message)
                self._log(level, message)

    def settle(self, kind: int, body: Bytes, buffers: Received) -> None:
        """The frame came that ends it."""
        if kind == messages.RESULT:
            try:
                result = self._received(body, buffers)
            except (DecodeError, TypeError, ValueError) as error:
                self.failed(self.failure(TaskFailureCategory.SERIALIZATION, str(error), serialization_context="result"))
                return
            self.completed(result)
        elif kind == messages.CANCELED:
            self.dropped()
        else:
            self.failed(self._remote_failure(body, buffers))

    def _received(self, body: Bytes, buffers: Received) -> object:
        if self.work.keep:
            return keep(body, buffers, self.work.call_target, self.task_id, self.decode)
        result = self.decode(body, buffers)
        kind = self.work.kind
        if kind == messages.CALL:
            return result
        if kind == messages.CHUNK:
            results, failure = fields(result, 2)[:2]
            return fields(results), None if failure is None else ExecutionException(self._remote_failure(failure, ()))
        return script_globals(result, self.decode) if kind == messages.SCRIPT else result

    def completed(self, result: object) -> None:
        """It returned."""
        raise NotImplementedError

    def failed(self, failure: TaskFailure) -> None:
        """It failed, or will never run."""
        raise NotImplementedError

    def dropped(self) -> None:
        """It was canceled."""
        raise NotImplementedError

    def canceled(self) -> CancelledError:
        """What its caller gets when it was canceled."""
        return CancelledError(f"{self.work.call_target} was canceled")

    def failure(
        self,
        category: TaskFailureCategory,
        message: str,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        traceback: str | None = None,
        frames: tuple[TracebackFrame, ...] = (),
        timeout: float | None = None,
        serialization_context: str | None = None,
    ) -> TaskFailure:
        """A failure of this call that did not come from the worker as such."""
        return TaskFailure(
            category=category,
            message=message,
            task_id=self.task_id,
            call_target=self.work.call_target,
            worker=self.worker,
            elapsed=self._elapsed(),
            exit_code=exit_code,
            signal=signal,
            traceback=traceback,
            traceback_frames=frames,
            timeout=timeout,
            serialization_context=serialization_context,
        )

    def _remote_failure(self, body: Bytes, buffers: Received) -> TaskFailure:
        try:
            category, message, traceback, frames, info, context = failure_fields(decode_plain(body, buffers))
        except (DecodeError, TypeError, ValueError) as error:
            return self.failure(TaskFailureCategory.UNKNOWN, f"its failure cannot be read here: {error}")
        return TaskFailure(
            category=category,
            message=message,
            task_id=self.task_id,
            call_target=self.work.call_target,
            traceback=traceback,
            traceback_frames=frames,
            remote_exception=info,
            worker=self.worker,
            elapsed=self._elapsed(),
            serialization_context=context,
        )

    def _elapsed(self) -> float | None:
        return time.monotonic() - self._running_since() if self._began else None

    def _log(self, level: int, message: str) -> None:
        worker = self.worker
        logger.log_execution(
            level,
            "%s",
            message,
            env_name=None if worker is None else worker.environment,
            worker_index=None if worker is None else worker.index,
            call_target=self.work.call_target,
            task_id=self.task_id,
        )


class BlockingCall(Call, Generic[T]):
    """A call whose caller waits for it; nobody else can see it."""

    __slots__ = ("_done", "_failure", "_result")

    def __init__(self, work: Work) -> None:
        super().__init__(work, new_number())
        self._done = threading.Lock()
        self._done.acquire()
        self._failure: TaskFailure | None = None
        self._result: object = None

    def wait(self) -> None:
        """Wait until it has ended."""
        if self._done.locked():  # else its own thread has read the answer
            self._done.acquire()
            self._done.release()

    def outcome(self) -> object:
        """What it returned.

        Raises:
            ExecutionException: It failed.
            CancelledError: Its environment was exited before it could run, or it canceled itself.
        """
        if self._failure is not None:
            raise ExecutionException(self._failure)
        if self._result is _CANCELED:
            raise self.canceled()
        return self._result

    def completed(self, result: object) -> None:
        self._result = result
        self._done.release()

    def failed(self, failure: TaskFailure) -> None:
        self._failure = failure
        self._done.release()

    def dropped(self) -> None:
        self._result = _CANCELED
        self._done.release()


_CANCELED = object()


class TaskCall(Call, Generic[T]):
    """A call that a `Task` follows."""

    __slots__ = ("_refusal", "_task")

    def __init__(self, work: Work, task: Task[T]) -> None:
        super().__init__(work, task.number)
        self._task = task
        self._refusal: str | None = None

    @property
    def progress(self) -> Progress:
        return Progress(self._task.message, self._task.current, self._task.maximum)

    def started(self, worker: WorkerInfo, decode: Decode, output: ProcessLogger) -> None:
        super().started(worker, decode, output)
        self._task._remembers = output  # noqa: SLF001 - the pool drives the task
        self._task._set_running()  # noqa: SLF001 - the pool drives the task

    def _reported(self, kind: int, body: Bytes, buffers: Received) -> None:
        if kind == messages.UPDATE:
            self._task._set_progress(*counts(self.decode(body, buffers)))  # noqa: SLF001 - see above
        elif kind == messages.OUTPUT:
            key, value = fields(self.decode(body, buffers), 2)[:2]
            if isinstance(key, str):
                self._task._set_output(key, value)  # noqa: SLF001 - see above
        else:
            super()._reported(kind, body, buffers)

    def forced(self, step: CancelStep) -> None:
        super().forced(step)
        self._task._set_cancel_step(step)  # noqa: SLF001 - see above

    def refused(self, error: Exception) -> None:
        if self.decode is decode_plain:  # where everything is accepted, the class of an output may be missing here
            self._refusal = str(error)

    def completed(self, result: object) -> None:
        if self._refusal is not None:
            self.failed(self.failure(TaskFailureCategory.SERIALIZATION, self._refusal, serialization_context="output"))
            return
        self.work.release()
        self._task._complete(result)  # type: ignore[arg-type]  # noqa: SLF001 - T is what the user says it is

    def failed(self, failure: TaskFailure) -> None:
        self.work.release()
        self._task._fail(failure)  # noqa: SLF001 - see above

    def dropped(self) -> None:
        self.work.release()
        self._task._settle_canceled()  # noqa: SLF001 - see above
