"""An environment as a `concurrent.futures.Executor`."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Executor, wait
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from typing_extensions import ParamSpec

    from wetlands.task import Task

    P = ParamSpec("P")

__all__ = ["EnvironmentExecutor"]

T = TypeVar("T")
_log = logging.getLogger("wetlands")
_SAY_WAITING_AFTER_SECONDS = 5.0


class EnvironmentExecutor(Executor):
    """Runs callables in an environment; `Environment.executor` makes it.

    It does what the executors of `concurrent.futures` do, with these differences: an exception of the environment comes
    as an `ExecutionException`, whose cause is the traceback there; cancelling a future that runs asks its function to
    stop; and the workers belong to the environment, so they go on when it is shut down.

    Args:
        call: Begins one call, given the callable, its arguments, and its keyword arguments.
        call_each: Begins a task that calls a callable for each row of arguments, and gives the list of results.
    """

    def __init__(
        self,
        call: Callable[[Callable[..., object], tuple[object, ...], Mapping[str, object]], Task[object]],
        call_each: Callable[[Callable[..., object], Sequence[tuple[object, ...]]], Task[object]],
    ) -> None:
        self._call = call
        self._call_each = call_each
        self._lock = threading.Lock()
        self._down = False
        self._unfinished: dict[Task[object], None] = {}  # in the order in which they came

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a callable in the environment.

        Args:
            fn: A callable; the page "Use an executor" says which ones can go, and how.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Raises:
            RuntimeError: The executor was shut down.
            TypeError: The callable cannot run in the environment; the message says why.
            NotLaunchedError: The environment has no workers.
        """
        return cast("Future[T]", self._begin(partial(self._call, fn, args, kwargs)))

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],  # Any: as in the base class
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Call a callable with the items of each iterable side by side; see `concurrent.futures.Executor.map`.

        Args:
            fn: A callable, as for `submit`.
            iterables: Its arguments; the shortest one ends it.
            timeout: Seconds from now until a result must have come.
            chunksize: So many calls are made by one task, which saves time when they are short.
            buffersize: So many tasks at most are ahead of the results taken; None submits all of them now.

        Returns:
            The results, in order. The first failure is raised while iterating, and what is left is cancelled.
        """
        if chunksize < 1 or (buffersize is not None and buffersize < 1):
            message = f"chunksize and buffersize are numbers from 1 up, not {chunksize!r} and {buffersize!r}"
            raise ValueError(message)
        deadline = None if timeout is None else time.monotonic() + timeout
        rows = zip(*iterables)  # noqa: B905 - the shortest one ends it
        if chunksize == 1:
            return _results((self.submit(fn, *row) for row in rows), buffersize, deadline)
        chunks = iter(lambda: list(islice(rows, chunksize)), [])
        futures = (self._begin(partial(self._call_each, fn, chunk)) for chunk in chunks)
        lists = cast("Iterator[list[T]]", _results(futures, buffersize, deadline))
        return chain.from_iterable(lists)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's
        """Take no more calls; the workers go on. It may be called more than once.

        Args:
            wait: Wait until every call has ended.
            cancel_futures: Drop the calls that have not begun.
        """
        with self._lock:
            self._down = True
            unfinished = list(self._unfinished)
        if cancel_futures:
            for task in reversed(unfinished):  # from the end, so that none begins in place of one that was dropped
                if not task.future.running():
                    task.cancel()
        if wait:
            _wait_for([task.future for task in unfinished])

    def _begin(self, begin: Callable[[], Task[object]]) -> Future[object]:
        self._check_open()
        task = begin()
        with self._lock:
            down = self._down
            if not down:
                self._unfinished[task] = None
        if down:  # meanwhile; who shut it down knows nothing of this call
            task.cancel()
            self._check_open()
        task._when_done(lambda: self._forget(task))  # noqa: SLF001 - the driver of the task
        task.start()
        return task.future

    def _check_open(self) -> None:
        if self._down:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def _forget(self, task: Task[object]) -> None:
        with self._lock:
            self._unfinished.pop(task, None)


def _results(futures: Iterator[Future[T]], ahead: int | None, deadline: float | None) -> Iterator[T]:
    """The results of futures, of which the first ones are submitted now."""
    pending: deque[Future[T]] = deque()
    try:
        pending.extend(islice(futures, ahead))
    except BaseException:
        _cancel(pending)
        raise
    return _taken(pending, futures, deadline)


def _taken(pending: deque[Future[T]], futures: Iterator[Future[T]], deadline: float | None) -> Iterator[T]:
    try:
        while pending:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            result = pending[0].result(remaining)
            pending.popleft()
            pending.extend(islice(futures, 1))
            yield result
    finally:
        _cancel(pending)


def _cancel(futures: Iterable[Future[T]]) -> None:
    for future in futures:
        future.cancel()


def _wait_for(futures: Sequence[Future[object]]) -> None:
    unfinished = wait(futures, _SAY_WAITING_AFTER_SECONDS).not_done
    if unfinished:
        _log.info("The shutdown of an executor waits for %d call(s) that have not ended", len(unfinished))
        wait(unfinished)
