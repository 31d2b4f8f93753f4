"""Says how a call failed, as plain data that crosses between any two Pythons.

The worker turns an exception into strings and numbers (`describe`); the host never unpickles a class of the user to
learn what went wrong. Imported only when something fails in a worker, so it may use what is slow to import.
"""

import signal as signals
import sys
from dataclasses import dataclass
from enum import Enum
from reprlib import repr as brief

from wetlands_worker.tracebacks import TracebackFrame, frames, linked, message_of, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Set, Tuple

__all__ = [
    "RemoteExceptionInfo",
    "TaskFailure",
    "TaskFailureCategory",
    "TracebackFrame",
    "WorkerInfo",
    "describe",
    "frames",
    "from_plain",
    "is_cancellation",
    "plain_frames",
    "render",
    "to_plain",
]

_MAX_CHAIN = 20  # causes and contexts that are described
_MAX_LINE = 1000  # characters of a failure in one line


class TaskFailureCategory(str, Enum):
    """What kind of failure it was. Members equal their values; the 1.x interface spells them in lower case."""

    REMOTE_EXCEPTION = "remote_exception"
    INTERNAL_EXCEPTION = "internal_exception"
    SERIALIZATION = "serialization"
    WORKER_CONNECTION = "worker_connection"
    WORKER_DIED = "worker_died"
    TIMEOUT = "timeout"
    ENVIRONMENT = "environment"
    UNKNOWN = "unknown"

    remote_exception = REMOTE_EXCEPTION
    internal_exception = INTERNAL_EXCEPTION
    serialization = SERIALIZATION
    worker_connection = WORKER_CONNECTION
    worker_died = WORKER_DIED
    timeout = TIMEOUT
    environment = ENVIRONMENT
    unknown = UNKNOWN

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class RemoteExceptionInfo:
    """An exception of another process.

    Attributes:
        module: The module of its class.
        type_name: The name of its class.
        qualified_name: Both, as one dotted name.
        message: What ``str()`` of it was.
        traceback: Its whole traceback as text, causes included.
        cause: What it was raised from.
        context: What was being handled when it was raised; None where that is the cause.
        suppress_context: Whether Python leaves the context out when it prints the traceback.
    """

    module: str
    type_name: str
    qualified_name: str
    message: str
    traceback: str = ""
    cause: "Optional[RemoteExceptionInfo]" = None
    context: "Optional[RemoteExceptionInfo]" = None
    suppress_context: bool = False


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker it was.

    Attributes:
        environment: The name of its environment.
        index: Its place in the pool, from 0.
        pid: Its process id.
        port: The TCP port it listens at, where it does.
        persistent: Whether it outlives the host.
    """

    environment: "Optional[str]" = None
    index: "Optional[int]" = None
    pid: "Optional[int]" = None
    port: "Optional[int]" = None
    persistent: bool = False

    def __str__(self) -> str:
        index = "" if self.index is None else f" {self.index}"
        pid = "" if self.pid is None else f" pid {self.pid}"
        return f"Worker{index}{pid}"


@dataclass(frozen=True)
class TaskFailure:
    """How a call failed. ``str()`` of it is one line for people.

    Attributes:
        category: What kind of failure it was.
        message: What happened, in words.
        task_id: The id of the task.
        call_target: What was called, as ``module:function``.
        traceback: The traceback of the worker, as text.
        traceback_frames: The same, frame by frame, the outermost first.
        remote_exception: The exception that the function raised.
        worker: The worker that ran it.
        exit_code: The exit code of a worker that died.
        signal: The signal that killed it.
        timeout: The seconds it was given.
        elapsed: The seconds it ran.
        serialization_context: Which value, or which part of it, could not cross.
        peak_memory: The most bytes of memory that a worker which died, or was killed for this, had held; None where
            the system does not say.
    """

    category: TaskFailureCategory
    message: str = ""
    task_id: "Optional[str]" = None
    call_target: "Optional[str]" = None
    traceback: "Optional[str]" = None
    traceback_frames: "Tuple[TracebackFrame, ...]" = ()
    remote_exception: "Optional[RemoteExceptionInfo]" = None
    worker: "Optional[WorkerInfo]" = None
    exit_code: "Optional[int]" = None
    signal: "Optional[int]" = None
    timeout: "Optional[float]" = None
    elapsed: "Optional[float]" = None
    serialization_context: "Optional[str]" = None
    peak_memory: "Optional[int]" = None

    def __str__(self) -> str:
        return _one_line(self)


# --- what an exception was --------------------------------------------------------------------------------------------


def describe(exception: BaseException) -> RemoteExceptionInfo:
    """Describe an exception with its causes and contexts, at most twenty of them and each of them once.

    It never fails, whatever the exception's own methods do.
    """
    return _describe(exception, set())


def _describe(exception: BaseException, seen: "Set[int]") -> RemoteExceptionInfo:
    seen.add(id(exception))
    kind = type(exception)
    module = str(getattr(kind, "__module__", "") or "builtins")
    return RemoteExceptionInfo(
        module=module,
        type_name=str(kind.__name__),
        qualified_name=f"{module}.{kind.__qualname__}",
        message=message_of(exception),
        traceback=render(exception),
        cause=_describe_linked(exception, "__cause__", seen),
        context=_describe_linked(exception, "__context__", seen),
        suppress_context=bool(linked(exception, "__suppress_context__")),
    )


def _describe_linked(exception: BaseException, link: str, seen: "Set[int]") -> "Optional[RemoteExceptionInfo]":
    earlier = linked(exception, link)
    if earlier is None or id(earlier) in seen or len(seen) >= _MAX_CHAIN:
        return None
    return _describe(earlier, seen)


def plain_frames(exception: BaseException) -> "Tuple[Tuple[object, ...], ...]":
    """The frames of an exception as plain tuples, which ``TracebackFrame(*frame)`` takes."""
    return tuple((frame.filename, frame.lineno, frame.name, frame.line) for frame in frames(exception))


def is_cancellation(exception: BaseException) -> bool:
    """Whether an exception is how asyncio or concurrent.futures say that something was canceled."""
    for name in ("asyncio", "concurrent.futures"):
        kind = getattr(sys.modules.get(name), "CancelledError", None)
        if isinstance(kind, type) and isinstance(exception, kind):
            return True
    return False


# --- across the wire --------------------------------------------------------------------------------------------------


def to_plain(info: RemoteExceptionInfo) -> "Tuple[object, ...]":
    """An exception as nested tuples of strings, booleans and None."""
    return (
        info.module,
        info.type_name,
        info.qualified_name,
        info.message,
        info.traceback,
        None if info.cause is None else to_plain(info.cause),
        None if info.context is None else to_plain(info.context),
        info.suppress_context,
    )


def from_plain(plain: "Sequence[object]") -> RemoteExceptionInfo:
    """What `to_plain` made; fields that another version added at the end are ignored, missing ones get defaults.

    As many exceptions are read as `describe` describes, whatever came.

    Raises:
        ValueError: It is not what `to_plain` makes.
    """
    return _from_plain(plain, [_MAX_CHAIN])


def _from_plain(plain: "Sequence[object]", left: "List[int]") -> RemoteExceptionInfo:
    left[0] -= 1
    if not isinstance(plain, (tuple, list)):
        raise ValueError(f"not a description of an exception: {type(plain).__name__}")  # noqa: TRY004 - see from_plain
    fields = [*plain[:8], *("", None, None, False)[max(len(plain) - 4, 0) :]]
    texts = [text for text in fields[:5] if isinstance(text, str)]
    if len(texts) != 5 or len(fields) != 8:  # noqa: PLR2004 - what to_plain makes
        raise ValueError(f"not a description of an exception: {brief(fields)}")
    module, type_name, qualified_name, message, traceback = texts
    cause, context, suppress_context = fields[5:]
    return RemoteExceptionInfo(
        module=module,
        type_name=type_name,
        qualified_name=qualified_name,
        message=message,
        traceback=traceback,
        cause=_linked_from(cause, left),
        context=_linked_from(context, left),
        suppress_context=suppress_context is True,
    )


def _linked_from(plain: object, left: "List[int]") -> "Optional[RemoteExceptionInfo]":
    return _from_plain(plain, left) if isinstance(plain, (tuple, list)) and left[0] > 0 else None


# --- one line for people ----------------------------------------------------------------------------------------------


def _one_line(failure: TaskFailure) -> str:
    category = failure.category
    if category is TaskFailureCategory.REMOTE_EXCEPTION:
        text = _remote(failure)
    elif category is TaskFailureCategory.WORKER_DIED:
        text = _with(f"{failure.worker or 'A worker'} died{_death(failure)}", failure.message)
    elif category is TaskFailureCategory.TIMEOUT:
        text = _with(f"{failure.call_target or 'The call'} timed out{_after(failure)}", failure.message)
    elif category is TaskFailureCategory.SERIALIZATION:
        text = _serialization(failure)
    else:
        text = _with(str(category).replace("_", " ").capitalize(), failure.message)
    text = " ".join(text.split())
    return text if len(text) <= _MAX_LINE else text[: _MAX_LINE - 3] + "..."


def _remote(failure: TaskFailure) -> str:
    info = failure.remote_exception
    name = "exception" if info is None else info.type_name
    module = _module(failure.call_target)
    return _with(f"Remote {name} from {module}" if module else f"Remote {name}", failure.message or _message(info))


def _message(info: "Optional[RemoteExceptionInfo]") -> str:
    return "" if info is None else info.message


def _serialization(failure: TaskFailure) -> str:
    context = failure.serialization_context
    if context and context not in failure.message:
        return _with(f"The {context} of {failure.call_target or 'the call'} cannot cross", failure.message)
    return failure.message or "A value cannot cross"


def _module(call_target: "Optional[str]") -> str:
    """``/a/my_module.py:f`` and ``my_module:f`` -> ``my_module``."""
    if not call_target:
        return ""
    module = call_target.rpartition(":")[0] or call_target
    if len(module) == 1 and call_target[1:3] in {":\\", ":/"}:
        module = call_target  # the colon was that of a Windows drive
    name = module.replace("\\", "/").rpartition("/")[2]
    for ending in (".py", ".pyw"):
        if name.endswith(ending):
            return name[: -len(ending)]
    return name


def _death(failure: TaskFailure) -> str:
    if failure.signal is not None:
        return f" with signal {failure.signal}{_signal_name(failure.signal)}"
    return "" if failure.exit_code is None else f" with exit code {failure.exit_code}"


def _signal_name(number: int) -> str:
    try:
        return f" ({signals.Signals(number).name})"
    except ValueError:
        return ""  # a real-time signal, or one of another operating system


def _after(failure: TaskFailure) -> str:
    return "" if failure.timeout is None else f" after {failure.timeout:g} s"


def _with(start: str, message: str) -> str:
    if message.startswith(start):
        return message
    return f"{start}: {message}" if message else start
