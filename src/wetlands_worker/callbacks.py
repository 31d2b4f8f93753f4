"""Callables of the host: what stands for them in a worker, and how it calls them.

A callable among the arguments of a call crosses as its number. Calling what stands for it sends a CALLBACK on the call
connection; what comes of it arrives on the control connection, and is handed to the thread that waits for it. So any
thread of a task may call, and the main thread reads nothing meanwhile.
"""

from _thread import allocate_lock, get_ident
from itertools import count

from wetlands_worker import handle as handles
from wetlands_worker import messages
from wetlands_worker.values import DecodeError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

    from wetlands_worker.arrivals import Received
    from wetlands_worker.frames import Bytes
    from wetlands_worker.handle import RemoteTaskHandle
    from wetlands_worker.serve import Worker

__all__ = ["GONE", "HostCallable", "HostError", "arrived", "desert", "find_by"]

GONE = "the program that made this call has gone, and its callables with it"

RETURNED = 0
RAISED = 1
HEAD = 17
"""Bytes before the values of a CALLBACK: its number, that of the callable, and whether the main thread calls."""

_SLICE_SECONDS = 1.0  # Windows lets nothing interrupt a lock

_numbers = count(1)
_waiting: "Dict[int, _Wait]" = {}


class HostError(Exception):
    """A callable of the host raised an exception of a class that this process does not have, or that cannot cross.

    Attributes:
        type_name: The qualified name of that class.
        message: What ``str()`` of the exception was.
    """

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class HostTraceback(Exception):  # noqa: N818 - no error of its own: the cause of one, so that it is printed
    """Where in the host an exception was raised, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"in the host\n\n{self.text}"


class HostCallable:
    """Stands for a callable of the host in the task that received it; its calls run there."""

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._task = handles.current_task()
        self.__name__ = self.__qualname__ = name

    def __repr__(self) -> str:
        return f"<{self.__name__} of the host>"

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call it in the host, and wait for what comes of it.

        Raises:
            RuntimeError: The task that received it has ended.
            HostError: It raised something that cannot cross.
            Exception: Whatever it raises.
        """
        if self._task is None:
            problem = f"{self!r} was given to no task, and cannot be called"
            raise RuntimeError(problem)
        body, buffers = encode((args, kwargs), name=("args", "kwargs"))
        wait = _Wait()
        head = wait.number.to_bytes(8, "little") + self._number.to_bytes(8, "little")
        try:
            _send(self, self._task, head, body, buffers)
            return wait.outcome()
        finally:
            _waiting.pop(wait.number, None)

    def __reduce__(self) -> "Tuple[Any, ...]":
        return _returned, (self._number,)

    def __copy__(self) -> "HostCallable":
        return self

    def __deepcopy__(self, _memo: object) -> "HostCallable":
        return self


class _Wait:
    """A thread that waits for what comes of one call."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self._gate = allocate_lock()
        self._gate.acquire()
        self._answer: "Tuple[Bytes, Received]" = b"", ()
        _waiting[self.number] = self

    def arrived(self, body: "Bytes", buffers: "Received") -> None:
        self._answer = body, buffers
        self._gate.release()

    def outcome(self) -> object:
        while not self._gate.acquire(True, _SLICE_SECONDS):  # noqa: FBT003 - it takes it by position only
            pass
        (body, buffers), self._answer = self._answer, (b"", ())
        value = decode(body[1:], buffers)
        if body[0] == RETURNED:
            return value
        raise _error(value)


def arrived(body: "Bytes", buffers: "Received") -> None:
    """Hand what came of a call to the thread that waits; one that was interrupted does not any more."""
    wait = _waiting.get(int.from_bytes(body[:8], "little"))
    if wait is not None:
        wait.arrived(body[8:], buffers)


def desert() -> None:
    """The host has gone while this worker stays: whoever waits for it gets a ConnectionError."""
    described = (encode(ConnectionError(GONE))[0], "ConnectionError", GONE, "")
    for wait in list(_waiting.values()):
        try:
            wait.arrived(bytes((RAISED,)) + encode(described)[0], ())
        except RuntimeError:  # its answer has just come
            pass


def _send(function: HostCallable, task: "RemoteTaskHandle", head: bytes, body: bytes, buffers: "Any") -> None:
    worker: "Worker" = task._reporter  # type: ignore[assignment]  # noqa: SLF001 - only workers are given callables
    main = get_ident() == worker.main_thread
    with task._lock:  # noqa: SLF001 - nothing may be sent for a task once its answer is
        if not worker.is_here():
            problem = f"{function!r} was called in a process that was forked from the worker; only the worker can"
            raise RuntimeError(problem)
        if task._finished:  # noqa: SLF001 - see above
            problem = f"{function!r} was called after the task that received it had ended"
            raise RuntimeError(problem)
        number = task._number  # noqa: SLF001 - see above
        worker.send_whole(messages.CALLBACK, number, head + bytes((main,)) + body, buffers)


def _error(described: "Any") -> BaseException:
    exception, type_name, message, text = described
    error: "Optional[object]" = None
    if exception is not None:
        try:
            error = decode(exception, ())
        except DecodeError:
            pass
    if not isinstance(error, BaseException):
        error = HostError(type_name, message)
    if text:
        error.__cause__ = HostTraceback(text)
    return error


def _find(number: int) -> "Any":  # Any: a user's; replaced as a whole, see find_by()
    raise KeyError(number)


def find_by(find: "Callable[[int], Any]") -> None:
    """In the host: say how a callable is found by its number; a KeyError, when its call has ended."""
    globals()["_find"] = find  # one process has one set of numbers


def _returned(number: int) -> object:
    """In the host: the callable itself, when a worker gives it back."""
    try:
        return _find(number)
    except KeyError:
        problem = "a callable of the host can be called only in the task that received it, or be given back by it"
        raise LookupError(problem) from None
