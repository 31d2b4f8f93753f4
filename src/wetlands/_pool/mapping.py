"""``map``: many calls of one function, with a bounded number of them on their way."""

from __future__ import annotations

import threading
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Sized
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._pool.batch import Batch, Pace, sendable_together
from wetlands._pool.call import Call
from wetlands._tasks.life import new_number
from wetlands.exceptions import ExecutionException
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wetlands._pool.call import Work
    from wetlands._pool.pool import Pool
    from wetlands_worker.failures import TaskFailure

__all__ = ["MapIterator"]

T = TypeVar("T")

_CALLS_PER_WORKER = 16
_BATCHES_PER_WORKER = 3
_PATIENCE_SECONDS = 0.005


class MapIterator(Generic[T]):
    """Yields the results of calling a function with each item, in order or as they come.

    The first calls are on their way when it is made; each result that is taken lets another one follow, so the items
    are read from the iterable in the thread that takes the results. The first failure is raised, and what is left is
    canceled; so it is when the iterator is closed or forgotten.

    Items of a collection are sent in batches when calls turn out to be short. Those of a generator go one by one: it
    may take its time, or wait for what came of the items before.

    Args:
        items: The arguments.
        work: Encodes the call for one item.
        pool: Runs the calls.
        ordered: In the order of the items, or as they come.
        timeout: Seconds from now until the last result must have been taken; None: no limit.
        batches: Whether items may be sent in batches.
    """

    def __init__(
        self,
        items: Iterable[object],
        *,
        work: Callable[[object], Work],
        pool: Pool,
        ordered: bool,
        timeout: float | None,
        batches: bool = True,
    ) -> None:
        self._pending: deque[_ItemCall | _Unsendable] = deque()  # in the order of the items
        self._items: Iterator[object] | None = iter(items)
        self._work = work
        self._pool = pool
        self._ordered = ordered
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._pace = Pace() if batches and isinstance(items, Sized) and pool.takes_batches else None
        self._board = _Board(remembers=not ordered)
        self._enough = -1  # with so many calls pending, there is no room for more
        try:
            self._fill()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> MapIterator[T]:
        return self

    def __next__(self) -> T:
        if not self._pending:
            raise StopIteration
        try:
            result = (self._first_in_order() if self._ordered else self._first_to_come()).outcome()
            if len(self._pending) < self._enough:
                self._fill()
        except BaseException:
            self.close()
            raise
        return result  # type: ignore[return-value]  # T is what the user says it is

    def close(self) -> None:
        """Cancel what is left; nothing more is yielded."""
        self._items = None
        left, self._pending = self._pending, deque()
        batches: set[Batch] = set()
        for call in left:
            if call.ended or isinstance(call, _Unsendable):
                continue
            if call.batch is not None:
                call.batch.cancel()
                batches.add(call.batch)
            self._pool.cancel(call)  # it may have been given back and wait by itself
        for batch in batches:
            self._pool.cancel(batch)

    def __del__(self) -> None:
        if self._pending:  # the collector may run this on a thread that holds any lock, so another one does it
            with suppress(RuntimeError):  # the interpreter is ending
                start_new_thread(self.close, ())

    # --------------------------------------------------------------- sending

    def _fill(self) -> None:
        """Send as many calls as may be under way or unread."""
        while self._items is not None:
            size = 1 if self._pace is None else self._pace.size()
            window = self._pool.size * max(_CALLS_PER_WORKER, _BATCHES_PER_WORKER * size)
            self._enough = window - size + 1
            if len(self._pending) >= self._enough:
                return
            items = list(islice(self._items, size))
            if len(items) < size:
                self._items = None
            calls: list[_ItemCall] = []
            try:
                calls.extend(_ItemCall(self._work(item), self._board, self._pace) for item in items)
            except ExecutionException as error:  # raised when its turn comes; nothing is asked for beyond it
                self._items = None
                self._send(calls)
                unsendable = _Unsendable(error)
                self._pending.append(unsendable)
                self._board.ended(unsendable)
            else:
                self._send(calls)

    def _send(self, calls: list[_ItemCall]) -> None:
        self._pending.extend(calls)
        if len(calls) > 1 and self._pace is not None and all(sendable_together(call.work) for call in calls):
            batch = Batch(calls, self._pool.submit, self._pace)
            for call in calls:
                call.batch = batch
            self._pool.submit(batch)
            return
        for call in calls:
            self._pool.submit(call)

    # --------------------------------------------------------------- waiting

    def _first_in_order(self) -> _ItemCall | _Unsendable:
        call = self._pending[0]
        if not call.ended:
            self._wait(call)
        return self._pending.popleft()

    def _first_to_come(self) -> _ItemCall | _Unsendable:
        if not self._board.came:
            self._wait(None)
        call = self._board.came.popleft()
        self._pending.remove(call)
        return call

    def _wait(self, awaited: _ItemCall | _Unsendable | None) -> None:
        batch = (awaited or self._pending[0]).batch
        if batch is not None and batch.waiting:
            if self._board.wait_for(awaited, self._remaining(_PATIENCE_SECONDS)):
                return
            self._pool.tell(
                batch, messages.RECALL
            )  # a call takes longer than those before; let the others go where there is room
        if not self._board.wait_for(awaited, self._remaining(-1.0)):
            message = f"The results of map() did not all come within {self._timeout} s"
            raise TimeoutError(message)

    def _remaining(self, at_most: float) -> float:
        if self._deadline is None:
            return at_most
        remaining = max(0.0, self._deadline - time.monotonic())
        return remaining if at_most < 0 else min(remaining, at_most)


class _Board:
    """Where calls tell that they ended; one thread waits for them.

    A lock that is released to wake the waiter costs a fraction of a condition, which matters at 50,000 calls a second.
    """

    __slots__ = ("_awaited", "_gate", "_lock", "_remembers", "came")

    def __init__(self, *, remembers: bool) -> None:
        self._remembers = remembers  # whether anybody takes from `came`: else it would grow for ever
        self.came: deque[_ItemCall | _Unsendable] = deque()
        self._lock = threading.Lock()
        self._gate: threading.Lock | None = None
        self._awaited: _ItemCall | _Unsendable | None = None

    def wait_for(self, call: _ItemCall | _Unsendable | None, timeout: float) -> bool:
        """Wait until `call` has ended, or any where it is None; -1 waits for ever."""
        gate = threading.Lock()
        gate.acquire()
        with self._lock:
            if call.ended if call is not None else self.came:
                return True
            self._gate, self._awaited = gate, call
        return gate.acquire(timeout=timeout)

    def ended(self, call: _ItemCall | _Unsendable) -> None:
        """A call has ended."""
        with self._lock:
            call.ended = True
            if self._remembers:
                self.came.append(call)
            gate = self._gate
            if gate is not None and (self._awaited is None or self._awaited is call):
                self._gate = None
                gate.release()


class _Unsendable:
    """Stands for an item that cannot be sent."""

    __slots__ = ("batch", "ended", "error")

    def __init__(self, error: ExecutionException) -> None:
        self.error = error
        self.batch = None
        self.ended = False

    def outcome(self) -> object:
        raise self.error


class _ItemCall(Call):
    """The call for one item."""

    __slots__ = ("_board", "_pace", "_result", "batch", "ended", "error")

    def __init__(self, work: Work, board: _Board, pace: Pace | None) -> None:
        super().__init__(work, new_number())
        self._board = board
        self._pace = pace
        self._result: object = None
        self.batch: Batch | None = None
        self.error: Exception | None = None
        self.ended = False

    def outcome(self) -> object:
        if self.error is not None:
            raise self.error
        return self._result

    def completed(self, result: object) -> None:
        self._result = result
        if self._pace is not None and self.batch is None:
            self._pace.measured(time.monotonic() - self._began, 1)
        self._board.ended(self)

    def failed(self, failure: TaskFailure) -> None:
        self.error = ExecutionException(failure)
        self._board.ended(self)

    def dropped(self) -> None:
        self.error = self.canceled()
        self._board.ended(self)
