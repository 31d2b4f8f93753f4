"""Callables that a call takes with it: their calls come back from the worker, and run here.

What is found under its name in the standard library or in an installed package is the environment's own, and goes by
that name. Every other function, and every method that is bound to an object, stays here: the worker gets a number that
it can call. Calls of it run on threads of their own, never on one that reads what workers say.
"""

from __future__ import annotations

import copyreg
import os
import sys
import threading
import traceback
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial
from itertools import count
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from wetlands._plain.fields import fields
from wetlands._tasks.delivery import Delivery
from wetlands_worker import messages
from wetlands_worker.callbacks import HEAD, RAISED, RETURNED, HostCallable, find_by
from wetlands_worker.sources import StandardLibrary, is_installed_packages
from wetlands_worker.values import DecodeError, EncodeError, ValuePickler, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Context
    from types import TracebackType

    from wetlands._pool.call import Call
    from wetlands_worker.arrivals import Received
    from wetlands_worker.frames import Bytes, Connection

__all__ = ["Callbacks", "called_from", "encode_arguments"]

_CACHED = type(lru_cache(lambda: None))
_KINDS = frozenset((FunctionType, BuiltinFunctionType, MethodType, MethodWrapperType, partial, _CACHED))
_OURS = ("wetlands", "wetlands_worker")
_MOST_THREADS = 1000  # each may wait for another one
_MOST_PLAIN = 100
_MOST_RUNNING = 10_000  # of one call
_numbers = count(1)
_threads = Delivery(most_threads=_MOST_THREADS, name="wetlands-callback")
_callers: ContextVar[tuple[Call, ...]] = ContextVar("wetlands_callers", default=())


def called_from() -> tuple[Call, ...]:
    """The calls that wait for what this thread is doing, the outermost first."""
    return _callers.get()


class Callbacks:
    """The callables of one call, and those that its callbacks return.

    Attributes:
        running: How many calls of them run now.
    """

    def __init__(self) -> None:
        self.running = 0
        self._lock = threading.Lock()
        self._numbers: dict[int, int] = {}  # by the identity of a callable
        self._functions: dict[int, Callable[..., Any]] = {}  # by its number; Any: a user's
        self._context: Context = copy_context()

    def number_of(self, function: Callable[..., Any]) -> int:  # Any: a user's
        """The number by which workers call it."""
        with self._lock:
            number = self._numbers.get(id(function))
            if number is None:
                number = self._numbers[id(function)] = next(_numbers)
                self._functions[number] = function
                _owners[number] = self
            return number

    def function(self, number: int) -> Callable[..., Any]:  # Any: a user's
        """The callable of a number."""
        return self._functions[number]

    def called(self, call: Call, connection: Connection, body: Bytes, buffers: Received) -> None:
        """A worker calls one of them; what comes of it is sent on its control connection."""
        with self._lock:
            self.running += 1
            too_many = self.running > _MOST_RUNNING
        if too_many or len(body) < HEAD:  # each thread of a worker waits for its own
            connection.abort()
            return
        _threads.submit(partial(self._run, call, connection, body, buffers))

    def _run(self, call: Call, connection: Connection, body: Bytes, buffers: Received) -> None:
        number = int.from_bytes(body[8:16], "little")
        function = self._functions.get(number, partial(_no_callable, number))
        context = self._context.copy()
        if body[16]:  # the main thread of the worker, which can do nothing else until this is over
            context.run(_callers.set, (*context.run(_callers.get), call))
        name = getattr(function, "__qualname__", repr(function))
        try:
            args, kwargs = _arguments(_decoded(call, body, buffers, name), name)
            result = context.run(_call, function, args, kwargs)
            answer = bytes((RETURNED,)), *encode_arguments(result, f"what {name} returned", self)[:2]
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is an answer
            answer = bytes((RAISED,)), *encode(_described(error))
        with self._lock:
            self.running -= 1
        outcome, value, parts = answer
        with suppress(OSError):  # the worker is gone
            connection.send(messages.CALLED, call.number, bytes(body[:8]) + outcome + value, parts)


def encode_arguments(
    values: object, name: str | tuple[str, ...], callbacks: Callbacks | None = None
) -> tuple[bytes, list[memoryview], Callbacks | None]:
    """Turn values into bytes, with numbers for the callables in them that stay here.

    Args:
        values: Whatever the user passed.
        name: See `wetlands_worker.values.encode`.
        callbacks: Those of the call so far, if there are any.

    Returns:
        The body, the buffers, and the callbacks of the call, if there are any.

    Raises:
        EncodeError: A part of the values cannot be sent.
    """
    pickler = _Picklers(callbacks)
    body, buffers = encode(values, name=name, pickler=pickler)
    return body, buffers, pickler.callbacks


_owners: WeakValueDictionary[int, Callbacks] = WeakValueDictionary()
find_by(lambda number: _owners[number].function(number))


class _Picklers:
    """Makes the pickler of one value, and holds what it finds."""

    __slots__ = ("callbacks", "rebuilders")

    def __init__(self, callbacks: Callbacks | None) -> None:
        self.callbacks = callbacks
        self.rebuilders: dict[int, object] = {}

    def __call__(self, *args: Any) -> _ArgumentPickler:  # noqa: ANN401 - those of a pickler
        pickler = _ArgumentPickler(*args)
        pickler.found = self
        return pickler

    def spares(self, value: object) -> bool:
        """Whether a part of the value stays here; what an object is rebuilt by does not."""
        return type(value) in _KINDS and id(value) not in self.rebuilders and _stays(value)

    def number_of(self, function: Any) -> int:  # noqa: ANN401 - a user's
        if self.callbacks is None:
            self.callbacks = Callbacks()
        return self.callbacks.number_of(function)


class _ArgumentPickler(ValuePickler):
    """A pickler that leaves callables here."""

    found: _Picklers

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - what __reduce_ex__ gives
        kind = type(value)
        if kind in _plain:
            return NotImplemented
        if kind in _KINDS:
            if not self.found.spares(value):
                return NotImplemented
            return HostCallable, (self.found.number_of(value), _name_of(value))
        reduced = ValuePickler.reducer_override(self, value)  # not by super(): it is asked for each small object
        if reduced is not NotImplemented:
            self.found.rebuilders[id(reduced[0])] = reduced[0]  # ours, so there is nothing to be found out about it
            return reduced
        if kind.__reduce_ex__ is _REDUCE_EX and kind.__reduce__ is _REDUCE and kind not in copyreg.dispatch_table:
            return NotImplemented
        return self._rebuilt(value, kind)

    def _rebuilt(self, value: object, kind: type) -> Any:  # noqa: ANN401 - see above
        """Let a function of the user that rebuilds an object go by its name: it is no callback."""
        custom = copyreg.dispatch_table.get(kind)
        if custom is None and issubclass(kind, type):
            return NotImplemented
        reduced = value.__reduce_ex__(5) if custom is None else custom(value)
        if isinstance(reduced, tuple):
            self.found.rebuilders[id(reduced[0])] = reduced[0]
        return reduced


_REDUCE_EX, _REDUCE = object.__reduce_ex__, object.__reduce__
_plain: frozenset[type] = frozenset((tuple, list, dict, set, frozenset, type, type(None)))


def _stays(value: Any) -> bool:  # noqa: ANN401 - a user's
    """Whether calls of a function, method or partial run in this process."""
    if isinstance(value, partial):
        return type(value.func) in _KINDS and _stays(value.func)
    own = getattr(value, "__self__", None)
    if own is not None and not isinstance(own, (type, ModuleType)):
        return True
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if isinstance(own, type):
        return False  # a class method goes by the name of its class, as classes do
    return not (isinstance(module, str) and _of_a_package(module) and _found(module, name) is value)


def _found(module: str, name: str) -> object:
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


@lru_cache(maxsize=1024)
def _of_a_package(module: str) -> bool:
    """Whether a module belongs to the standard library or an installed package, and not to the program itself."""
    if module == "__main__":
        return False
    if module.partition(".")[0] in _OURS:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(file, str):
        return True  # built in
    standard = StandardLibrary()
    paths = (file, os.path.realpath(file))
    return any(is_installed_packages(path) or standard.holds_folder(os.path.dirname(path)) for path in paths)  # noqa: PTH120 - text


def _name_of(value: Any) -> str:  # noqa: ANN401 - a user's
    while isinstance(value, partial):
        value = value.func
    return str(getattr(value, "__qualname__", None) or type(value).__qualname__)


def _call(function: Any, args: Sequence[object], kwargs: dict[str, object]) -> object:  # noqa: ANN401 - a user's
    return function(*args, **kwargs)


def _decoded(call: Call, body: Bytes, buffers: Received, name: str) -> object:
    try:
        return call.decode(body[HEAD:], buffers)
    except DecodeError as error:
        raise DecodeError(f"an argument of {name}, which this program was to call: {error.reason}") from error


def _arguments(values: object, name: str) -> tuple[Sequence[object], dict[str, object]]:
    """The positional and keyword arguments of a call; a range may be longer than memory, so that is none."""
    args, kwargs = fields(values, 2)[:2]
    if not isinstance(args, tuple) or not isinstance(kwargs, dict):
        raise TypeError(f"{name} was called with what are no arguments")
    return args, kwargs


def _no_callable(number: int, *_args: object, **_kwargs: object) -> None:
    raise LookupError(f"this task was given no callable {number}")


def _user_frames(error: BaseException) -> TracebackType | None:
    """Its traceback without what is ours, unless nothing would be left."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames or error.__traceback__


def _described(error: BaseException) -> tuple[bytes | None, str, str, str]:
    """An exception for a worker: itself, if it can cross, and in words."""
    kind = type(error)
    try:
        message = str(error)
        text = "".join(traceback.format_exception(kind, error, _user_frames(error)))
    except Exception:  # noqa: BLE001 - a user's exception may fail to describe itself
        message = text = "(it cannot be described)"
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        body, buffers = encode(error, inline_below=sys.maxsize)
    except EncodeError:
        return None, name, message, text
    return None if buffers else body, name, message, text
