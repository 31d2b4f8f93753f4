"""The environment of the program itself: the same verbs, run in this process."""

from __future__ import annotations

import sys
import threading
import time
from _thread import start_new_thread
from collections import deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, cast

from wetlands._modules.target import is_file, resolve, resolve_script
from wetlands._pool.executor import EnvironmentExecutor
from wetlands._pool.inprocess import InProcessStream, InProcessTask, TaskReporter, failure_of, running
from wetlands._pool.limits import KEEP_SECONDS, check_chunksize, refuse_options, refuse_timeouts
from wetlands._pool.streaming import check_window
from wetlands._tasks.delivery import Delivery
from wetlands._tasks.inbox import Inbox
from wetlands._tasks.life import new_number
from wetlands.environment import Environment, check_max_workers
from wetlands.exceptions import DebuggerError, ExecutionException
from wetlands.ref import dereferenced, keep_here
from wetlands.stream import Stream
from wetlands.task import Task, TaskStatus
from wetlands_worker.callables import each
from wetlands_worker.handle import RemoteTaskHandle
from wetlands_worker.invoke import call
from wetlands_worker.modules import ModuleLoader
from wetlands_worker.streaming import Credits
from wetlands_worker.streaming import run as streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from wetlands._plain.decoding import Accept
    from wetlands._spec import Commands
    from wetlands._store.debuggers import DebugEndpoint
    from wetlands.environment_manager import EnvironmentManager

__all__ = ["InternalEnvironment"]

_IDLE_SECONDS = 0.5
_WINDOW_PER_WORKER = 16


class InternalEnvironment(Environment):
    """Runs code in this process, with the packages that it has; nothing has to be launched.

    `execute` and `run_script` run in the calling thread, tasks on threads of the environment: one, or as many as
    `launch` was told. Arguments and results are not copied. A task that ignores ``cancel_requested`` cannot be stopped,
    so time limits are refused with a ValueError.
    While a script runs, which has ``sys.argv`` and ``__main__`` to itself, other calls wait for its end.
    """

    def __init__(self, name: str, path: Path | None, environment_manager: EnvironmentManager) -> None:
        super().__init__(name, Path(sys.prefix) if path is None else path, environment_manager)
        self._loader = ModuleLoader()
        self._loading = threading.RLock()
        self._active = 0
        self._size = 1
        self._threads = Delivery(idle_seconds=_IDLE_SECONDS, most_threads=1)
        self._tasks: set[Task[Any]] = set()  # Any: of whatever type they are
        self._tasks_lock = threading.Lock()

    def launch(  # noqa: D102, PLR0913 - see Environment
        self,
        additional_activate_commands: Commands = {},  # noqa: B006 - see Environment
        *,
        max_workers: int = 1,
        worker_env: Callable[[int], Mapping[str, str]] | None = None,
        worker_timeout: float | None = None,
        min_workers: int | None = None,
        idle_timeout: float | None = None,
        initializer: tuple[str | Path, str, Sequence[object]] | None = None,
        max_tasks_per_worker: int | None = None,
        max_memory: int | str | None = None,
        on_error: Literal["raise", "hold"] = "raise",
        hold_timeout: float = 600.0,  # noqa: ARG002 - nothing is held here
        preload: Sequence[str] = (),
        persistent: bool | Literal["tcp"] = False,
        keep_results: float = KEEP_SECONDS,  # noqa: ARG002 - nothing is kept here
        accept: Accept | None = None,
    ) -> None:
        refuse_timeouts(worker_timeout=worker_timeout)
        refuse_options(
            min_workers=min_workers,
            idle_timeout=idle_timeout,
            initializer=initializer,
            max_tasks_per_worker=max_tasks_per_worker,
            max_memory=max_memory,
            on_error=None if on_error == "raise" else on_error,
            preload=preload or None,
            persistent=persistent or None,
            accept=accept,
        )
        if additional_activate_commands or worker_env is not None:
            message = "this process is already running: neither activation commands nor worker_env can change it"
            raise ValueError(message)
        check_max_workers(max_workers)
        if max_workers != self._size:
            self._size = max_workers
            self._threads = Delivery(idle_seconds=_IDLE_SECONDS, most_threads=max_workers)

    def launched(self) -> bool:
        """Always: this process runs."""
        return True

    @property
    def worker_count(self) -> int:
        """How many tasks run at the same time."""
        return self._size

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
        refuse_timeouts(timeout=timeout)
        target = resolve(module)
        return self._run_here(partial(self._call, target, function, args, kwargs, keep=keep), _label(target, function))

    def run_script(  # noqa: D102 - see Environment
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        timeout: float | None = None,
    ) -> dict[str, object]:
        refuse_timeouts(timeout=timeout)
        target = resolve_script(path)
        return self._run_here(partial(self._script, target, args, run_name), PurePath(target).name)  # type: ignore[return-value]  # a script gives a dict

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
        refuse_timeouts(timeout=timeout)
        target = resolve(module)
        function_call = partial(self._call, target, function, args, kwargs, keep=keep)
        return self._task(function_call, _label(target, function), start=False)

    def submit_script(  # noqa: D102 - see Environment
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        start: bool = True,
        timeout: float | None = None,
    ) -> Task[dict[str, object]]:
        refuse_timeouts(timeout=timeout)
        target = resolve_script(path)
        task = self._task(partial(self._script, target, args, run_name), PurePath(target).name, start)
        return cast("Task[dict[str, object]]", task)

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
        refuse_timeouts(call_timeout=call_timeout)
        check_chunksize(chunksize)
        submit = partial(self.submit, module, function)
        tasks = (submit((item,)) for item in iterable)
        return _Results(tasks, window=_WINDOW_PER_WORKER * self._size, timeout=timeout, ordered=ordered)

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
        refuse_timeouts(timeout=timeout)
        check_window(window)
        target = resolve(module)
        inbox: Inbox[object] = Inbox(window)
        credits_ = Credits(0, window)
        inbox.grant = credits_.grant

        def run(handle: RemoteTaskHandle) -> object:
            items = partial(streamed, handle=handle, credits_=credits_, send=inbox.put)
            return self._call(target, function, args, kwargs, handle, lambda found, *given: items(found, *given[:2]))

        task: Task[object] = Task(
            lambda task: InProcessStream(task, run, self._threads, self.name, credits_.wake), _label(target, function)
        )
        return Stream(self._kept(task).start(), inbox, lambda item: item)

    def executor(self) -> Executor:
        """The environment as a `concurrent.futures.Executor`; any callable can run here, as it is."""

        def begin(function: Callable[..., object], run: Callable[[RemoteTaskHandle], object]) -> Task[object]:
            name = getattr(function, "__qualname__", type(function).__qualname__)
            return self._task(run, f"{getattr(function, '__module__', None)}:{name}", start=False)

        return EnvironmentExecutor(
            lambda function, args, kwargs: begin(function, partial(call, function, args, kwargs)),
            lambda function, rows: begin(function, partial(each, function, rows, {})),
        )

    def stacks(self) -> dict[int, str]:
        """What the tasks that run now are doing, numbered from 0."""
        with self._tasks_lock:
            running_now = [task for task in self._tasks if task.status is TaskStatus.RUNNING]
        return {number: task.stack() for number, task in enumerate(running_now)}

    def debug(self) -> list[DebugEndpoint]:
        """Refused: this is the program itself.

        Raises:
            DebuggerError: Always.
        """
        raise DebuggerError("What runs in the main environment runs in this process: start it in your debugger.")

    def exit(self) -> None:
        """Cancel the tasks; threads end by themselves."""
        with self._tasks_lock:
            tasks = list(self._tasks)
        for task in tasks:
            task.cancel()

    def _call(
        self,
        target: str,
        function: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        handle: RemoteTaskHandle,
        how: Callable[..., object] = call,
        *,
        keep: bool = False,
    ) -> object:
        args, kwargs = cast("tuple[Sequence[object], Mapping[str, object]]", dereferenced((tuple(args), dict(kwargs))))
        with self._loading:
            found = self._loader.function(target, function)
            self._active += 1  # the folder of the module stays importable as long as a call runs
        try:
            result = how(found, args, kwargs, handle)
            return keep_here(result, _label(target, function), "") if keep else result
        finally:
            with self._loading:
                self._active -= 1
                if not self._active:
                    self._loader.leave()

    def _script(self, path: str, args: Sequence[object], run_name: str, _handle: RemoteTaskHandle) -> object:
        with self._loading:  # a script has sys.argv and __main__ to itself
            try:
                return self._loader.run_script(path, args, run_name)
            finally:
                if not self._active:
                    self._loader.leave()

    def _run_here(self, function: Callable[[RemoteTaskHandle], object], label: str) -> object:
        handle = RemoteTaskHandle(new_number(), TaskReporter(None, self.name, label))
        before, running.handle = running.handle, handle
        began = time.monotonic()
        try:
            result = function(handle)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise ExecutionException(failure_of(error, label, None, time.monotonic() - began)) from error
        finally:
            running.handle = before
            canceled = handle._finish()  # noqa: SLF001 - the other half of the handle
        if canceled:
            raise CancelledError(f"{label} was canceled")
        return result

    def _task(
        self,
        function: Callable[[RemoteTaskHandle], object],
        label: str,
        start: bool,  # noqa: FBT001 - private
    ) -> Task[object]:
        task: Task[object] = Task(lambda task: InProcessTask(task, function, self._threads, self.name), label)
        self._kept(task)
        return task.start() if start else task

    def _kept(self, task: Task[object]) -> Task[object]:
        with self._tasks_lock:
            self._tasks.add(task)
        task._when_done(lambda: self._forget(task))  # noqa: SLF001 - the driver of the task
        return task

    def _forget(self, task: Task[object]) -> None:
        with self._tasks_lock:
            self._tasks.discard(task)


def _label(target: str, function: str) -> str:
    return f"{PurePath(target).stem if is_file(target) else target}:{function}"


class _Results:
    """The results of tasks, of which a bounded number is submitted ahead, the first ones now.

    When it fails, is closed or forgotten, what is left is canceled.
    """

    def __init__(self, tasks: Iterator[Task[object]], *, window: int, timeout: float | None, ordered: bool) -> None:
        self._pending: deque[Task[object]] = deque()
        self._tasks = tasks
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._ordered = ordered
        self._pending.extend(islice(tasks, window))

    def __iter__(self) -> _Results:
        return self

    def __next__(self) -> object:
        if not self._pending:
            raise StopIteration
        try:
            task = self._first()
            self._pending.remove(task)
            result = task.future.result()
            self._pending.extend(islice(self._tasks, 1))
        except BaseException:
            self.close()
            raise
        return result

    def _first(self) -> Task[object]:
        futures = {task.future: task for task in islice(self._pending, 1 if self._ordered else None)}
        remaining = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        done, _ = wait(futures, remaining, FIRST_COMPLETED)
        if not done:
            raise TimeoutError(f"The results of map() did not all come within {self._timeout} s")
        return futures[done.pop()]

    def close(self) -> None:
        """Cancel what is left; nothing more is yielded."""
        left, self._pending = self._pending, deque()
        for task in left:
            task.cancel()

    def __del__(self) -> None:
        for task in self._pending:
            with suppress(RuntimeError):  # the interpreter is ending
                start_new_thread(task.cancel, ())  # the collector may run this where any lock is held
