"""Runs a function whose items are sent one by one, never further ahead of their reader than was granted.

Everything iterable but text, bytes and dictionaries is a stream: what a generator yields, what an iterator gives, the
items of a list. Asynchronous generators run in an event loop of their own, which goes on while they wait for credit.

A *credit* is leave to send one item. It is taken before the generator is asked for that item, so that a generator does
not compute what nobody has asked for. When the task is to stop, the generator is closed at the ``yield`` where it is.
"""

from _thread import allocate_lock

from wetlands_worker import invoke, messages
from wetlands_worker.values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

    from wetlands_worker.handle import RemoteTaskHandle
    from wetlands_worker.serve import Worker

    Callback = Callable[..., Any]  # what a user's function takes and gives is the user's

__all__ = ["Credits", "run", "serve"]

_LONGEST_WAIT = 3600.0  # seconds; a lock cannot wait for ever and stay open to Ctrl-C on every platform


class Credits:
    """How many more items of one task may be sent.

    Args:
        number: The number of the task.
        count: How many at first.
    """

    def __init__(self, number: int, count: int) -> None:
        self.number = number
        self._count = count
        self._lock = allocate_lock()
        self._wake: "Optional[Callable[[], object]]" = None

    def grant(self, count: int) -> None:
        """So many more; from any thread."""
        with self._lock:
            self._count += count
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def wake(self) -> None:
        """Let whoever waits look again whether he should."""
        self.grant(0)

    def take(self, handle: "RemoteTaskHandle") -> bool:
        """Take one, and wait for it; False when the task is to stop."""
        while True:
            gate = allocate_lock()
            gate.acquire()
            if self.take_or_call(gate.release):
                return not handle.cancel_requested
            if handle.cancel_requested:  # asked after `wake` was left, so that no cancellation is missed
                return False
            gate.acquire(True, _LONGEST_WAIT)  # noqa: FBT003 - the lock of _thread takes it by position only

    def take_or_call(self, wake: "Callable[[], object]") -> bool:
        """Take one if there is one; else have `wake` called once, when there is, or when the task is to stop."""
        with self._lock:
            if self._count:
                self._count -= 1
                return True
            self._wake = wake
            return False


def serve(worker: "Worker", function: "Callback", values: "Any", handle: "RemoteTaskHandle") -> object:
    """Run a STREAM of the host; what its generator returned.

    Args:
        worker: This one.
        function: The function.
        values: See the table of messages.
        handle: The handle of the task.
    """
    args, kwargs, count = values
    del values
    number = handle._number  # noqa: SLF001 - the worker is the other half of the handle
    worker.credits = credits_ = Credits(number, count)

    def send(item: object) -> None:
        worker.send_whole(messages.ITEM, number, *encode(item, name="item"))

    try:
        return run(function, args, kwargs, handle, credits_, send)
    finally:
        worker.credits = None


def run(
    function: "Callback",
    args: "Sequence[object]",
    kwargs: "Mapping[str, object]",
    handle: "RemoteTaskHandle",
    credits_: Credits,
    send: "Callable[[object], object]",
) -> object:
    """Call a function and send its items.

    Args:
        function: The function.
        args: What the caller passed by position.
        kwargs: What the caller passed by name.
        handle: The handle of the task; it is canceled when the stream was closed before its end.
        credits_: How many items may be sent.
        send: Sends one.

    Returns:
        What the generator returned; None for what is no generator.

    Raises:
        TypeError: The function returned a single value.
        Exception: Whatever the function or its generator raises.
    """
    made = invoke.begin(function, args, kwargs, handle)
    if hasattr(type(made), "__await__"):
        made = invoke.result_of(made)
    if hasattr(type(made), "__aiter__"):
        return invoke.result_of(_drain_asynchronous(made, handle, credits_, send))
    return _drain(_items(made, function), handle, credits_, send)


def _items(made: object, function: object) -> "Iterator[object]":
    kind = type(made)
    if not issubclass(kind, (str, bytes, bytearray, memoryview, dict)):
        try:
            return iter(made)  # type: ignore[call-overload,no-any-return]  # the question is whether it can
        except TypeError:
            if hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"):  # it can, and fails
                raise
    name = getattr(function, "__qualname__", repr(function))
    problem = f"{name} returned one value, of type {kind.__qualname__}, and no stream of items; call it with execute()"
    raise TypeError(problem)


def _drain(
    items: "Any", handle: "RemoteTaskHandle", credits_: Credits, send: "Callable[[object], object]"
) -> object:  # Any: only generators have `close`
    advance = items.__next__
    try:
        while credits_.take(handle):
            try:
                item = advance()
            except StopIteration as end:
                return end.value
            send(item)
            del item  # while it waits for credit, it holds nothing
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    handle.cancel()  # last: what its `finally` blocks raise is a failure
    return None


async def _drain_asynchronous(
    iterable: "Any", handle: "RemoteTaskHandle", credits_: Credits, send: "Callable[[object], object]"
) -> None:  # Any: only asynchronous generators have `aclose`
    items = iterable.__aiter__()
    try:
        while await _taken(credits_, handle):
            try:
                item = await items.__anext__()
            except StopAsyncIteration:
                return
            send(item)
            del item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
    handle.cancel()


async def _taken(credits_: Credits, handle: "RemoteTaskHandle") -> bool:
    """`Credits.take` for an event loop, which goes on meanwhile."""
    import asyncio  # noqa: PLC0415 - it runs already

    loop = asyncio.get_running_loop()
    while True:
        ready = loop.create_future()
        if credits_.take_or_call(lambda ready=ready: loop.call_soon_threadsafe(_set, ready)):  # type: ignore[misc]
            return not handle.cancel_requested
        if handle.cancel_requested:
            return False
        await ready


def _set(future: "Any") -> None:  # Any: asyncio is not imported for a name
    if not future.done():
        future.set_result(None)
