"""``map``: many calls of one function, with a bounded number of them on their way."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from wetlands._pool.call import Call
from wetlands.exceptions import ExecutionException
from wetlands.task import new_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wetlands._pool.call import Work
    from wetlands_worker.failures import TaskFailure

__all__ = ["MapIterator"]

T = TypeVar("T")


class MapIterator(Generic[T]):
    """Yields the results of calling a function with each item, in order or as they come.

    The first calls are on their way when it is made; each result that is taken lets another one follow, so the items
    are read from the iterable in the thread that takes the results. The first failure is raised, and what is left is
    canceled; so it is when the iterator is closed or forgotten.

    Args:
        items: The arguments.
        window: How many calls may be under way or unread.
        work: Encodes the call for one item.
        submit: Hands a call to the pool.
        cancel: Drops or stops a call.
        ordered: In the order of the items, or as they come.
        timeout: Seconds from now until the last result must have been taken; None: no limit.
    """

    def __init__(
        self,
        items: Iterable[object],
        *,
        window: int,
        work: Callable[[object], Work],
        submit: Callable[[Call], None],
        cancel: Callable[[Call], None],
        ordered: bool,
        timeout: float | None,
    ) -> None:
        self._items: Iterator[object] | None = iter(items)
        self._work = work
        self._submit = submit
        self._cancel = cancel
        self._ordered = ordered
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._pending: deque[_ItemCall] = deque()  # in the order of the items
        self._board = _Board()
        try:
            for _ in range(window):
                if not self._send_next():
                    break
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
            self._send_next()
        except BaseException:
            self.close()
            raise
        return result  # type: ignore[return-value]  # T is what the user says it is

    def close(self) -> None:
        """Cancel what is left; nothing more is yielded."""
        self._items = None
        left, self._pending = self._pending, deque()
        for call in left:
            if not call.ended:
                self._cancel(call)

    def __del__(self) -> None:
        self.close()

    def _send_next(self) -> bool:
        if self._items is None:
            return False
        try:
            item = next(self._items)
        except StopIteration:
            self._items = None
            return False
        call = _ItemCall(self._work(item), self._board)
        self._pending.append(call)
        self._submit(call)
        return True

    def _first_in_order(self) -> _ItemCall:
        call = self._pending[0]
        while not call.ended:
            self._wait(call)
        return self._pending.popleft()

    def _first_to_come(self) -> _ItemCall:
        while not self._board.came:
            self._wait(None)
        call = self._board.came.popleft()
        self._pending.remove(call)
        return call

    def _wait(self, call: _ItemCall | None) -> None:
        remaining = -1.0 if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        if not self._board.wait_for(call, remaining):
            message = f"The results of map() did not all come within {self._timeout} s"
            raise TimeoutError(message)


class _Board:
    """Where calls tell that they ended; one thread waits for them.

    A lock that is released to wake the waiter costs a fraction of a condition, which matters at 50,000 calls a second.
    """

    __slots__ = ("_awaited", "_gate", "_lock", "came")

    def __init__(self) -> None:
        self.came: deque[_ItemCall] = deque()
        self._lock = threading.Lock()
        self._gate: threading.Lock | None = None
        self._awaited: _ItemCall | None = None

    def wait_for(self, call: _ItemCall | None, timeout: float) -> bool:
        """Wait until `call` has ended, or any where it is None; -1 waits for ever."""
        gate = threading.Lock()
        gate.acquire()
        with self._lock:
            if call.ended if call is not None else self.came:
                return True
            self._gate, self._awaited = gate, call
        return gate.acquire(timeout=timeout)

    def ended(self, call: _ItemCall) -> None:
        """A call has ended."""
        with self._lock:
            call.ended = True
            self.came.append(call)
            gate = self._gate
            if gate is not None and (self._awaited is None or self._awaited is call):
                self._gate = None
                gate.release()


class _ItemCall(Call):
    """The call for one item."""

    __slots__ = ("_board", "ended", "error", "result")

    def __init__(self, work: Work, board: _Board) -> None:
        super().__init__(work, new_number())
        self._board = board
        self.ended = False
        self.result: object = None
        self.error: Exception | None = None

    def outcome(self) -> object:
        if self.error is not None:
            raise self.error
        return self.result

    def completed(self, result: object) -> None:
        self.result = result
        self._board.ended(self)

    def failed(self, failure: TaskFailure) -> None:
        self.error = ExecutionException(failure)
        self._board.ended(self)

    def dropped(self) -> None:
        self.error = self.canceled()
        self._board.ended(self)
