"""An environment of its own: the verbs become calls of a pool of worker processes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from wetlands._launching import Launching
from wetlands._modules.callables import Callee
from wetlands._modules.naming import encoded, named
from wetlands._modules.target import resolve, resolve_script
from wetlands._pool.call import BlockingCall, Work
from wetlands._pool.chunks import Chunks
from wetlands._pool.driver import PooledTask
from wetlands._pool.executor import EnvironmentExecutor
from wetlands._pool.limits import check_chunksize, checked_timeout
from wetlands._pool.streaming import StreamCall, check_window, decoded
from wetlands._tasks.inbox import Inbox
from wetlands.stream import Stream
from wetlands.task import Task
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from wetlands._pool.pool import Pool


__all__ = ["ExternalEnvironment"]


class ExternalEnvironment(Launching):
    """An environment on disk with its own packages; code runs in worker processes of its interpreter."""

    def _execute(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        keep: bool,
        timeout: float | None,
    ) -> object:
        pool = self._running_pool()
        values = (tuple(args), dict(kwargs))
        return self._run(pool, resolve(module), function, messages.CALL, values, timeout, keep=keep)

    def run_script(  # noqa: D102 - see Environment
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        timeout: float | None = None,
    ) -> dict[str, object]:
        pool = self._running_pool()
        values = (tuple(map(str, args)), run_name)
        return cast("dict[str, object]", self._run(pool, resolve_script(path), "", messages.SCRIPT, values, timeout))

    def _submit(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        keep: bool,
        timeout: float | None,
    ) -> Task[object]:
        values = (tuple(args), dict(kwargs))
        return self._task(self._running_pool(), resolve(module), function, messages.CALL, values, timeout, keep=keep)

    def submit_script(  # noqa: D102 - see Environment
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        start: bool = True,
        timeout: float | None = None,
    ) -> Task[dict[str, object]]:
        pool = self._running_pool()
        values = (tuple(map(str, args)), run_name)
        task = self._task(pool, resolve_script(path), "", messages.SCRIPT, values, timeout)
        return cast("Task[dict[str, object]]", task.start() if start else task)

    def map(  # noqa: D102 - see Environment
        self,
        module: str | Path,
        function: str,
        iterable: Iterable[object],
        *,
        timeout: float | None = None,
        ordered: bool = True,
        call_timeout: float | None = None,
        chunksize: int | None = None,
    ) -> Iterator[object]:
        check_chunksize(chunksize)
        limit = checked_timeout("call_timeout", call_timeout)
        head, label = named(resolve(module), function)
        mapping = Chunks(lambda kind, values, limit: encoded(kind, head, label, values, limit), limit, chunksize)
        return mapping.results(iterable, self._running_pool(), ordered=ordered, timeout=timeout)

    def stream(  # noqa: D102 - see Environment
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] = {},
        *,
        window: int = 16,
        timeout: float | None = None,
    ) -> Stream[object]:
        check_window(window)
        pool = self._running_pool()
        inbox: Inbox[object] = Inbox(window)

        def made(work: Work, task: Task[object]) -> StreamCall[object]:
            call = StreamCall(work, task, inbox)
            inbox.grant = lambda count: pool.tell(call, messages.CREDIT, count.to_bytes(4, "little"))
            return call

        head, label = named(resolve(module), function)
        values = (tuple(args), dict(kwargs), window)
        work = partial(Work, messages.STREAM, head, label, values, checked_timeout("timeout", timeout))
        task: Task[object] = Task(lambda task: PooledTask(task, work, pool, made), label)
        return Stream(task.start(), inbox, decoded)

    def executor(self) -> Executor:  # noqa: D102 - see Environment
        self._running_pool()

        def begin(function: Callable[..., object], work: Callable[[Callee], Work]) -> Task[object]:
            pool = self._running_pool()
            callee = Callee.of(function)
            return Task(lambda task: PooledTask(task, lambda: work(callee), pool), callee.label)

        return EnvironmentExecutor(
            lambda function, args, kwargs: begin(function, lambda callee: callee.call(args, kwargs)),
            lambda function, rows: begin(function, lambda callee: callee.call_each(rows)),
        )

    def _run(
        self,
        pool: Pool,
        target: str,
        function: str,
        kind: int,
        values: tuple[object, object],
        timeout: float | None,
        *,
        keep: bool = False,
    ) -> object:
        limit = None if timeout is None else checked_timeout("timeout", timeout)
        head, label = named(target, function)
        call: BlockingCall[object] = BlockingCall(encoded(kind, head, label, values, limit, keep=keep))
        pool.run(call)
        return call.outcome()

    def _task(
        self,
        pool: Pool,
        target: str,
        function: str,
        kind: int,
        values: tuple[object, object],
        timeout: float | None,
        *,
        keep: bool = False,
    ) -> Task[object]:
        head, label = named(target, function)
        work = partial(Work, kind, head, label, values, checked_timeout("timeout", timeout), keep=keep)
        return Task(lambda task: PooledTask(task, work, pool), label)
