"""Where workers come from: the first ones of a launch, and replacements of those that were lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from wetlands._launch.process import discard
from wetlands.exceptions import LaunchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._launch.process import WorkerProcess

__all__ = ["Nursery"]

_JOIN_SECONDS = 5.0


class Nursery:
    """Starts worker processes; each replacement on a thread of its own.

    Args:
        environment: The name of the environment, for the names of threads.
        start: Starts the worker of an index, and has not greeted it.
        prepare: Prepares workers that are ready, by their index, before they are taken.
        born: Takes a replacement that is ready; whether it wanted it.
        stillborn: Is told that a replacement could not be started, and why.
    """

    def __init__(
        self,
        environment: str,
        *,
        start: Callable[[int], WorkerProcess],
        prepare: Callable[[Mapping[int, WorkerProcess]], None] | None = None,
        born: Callable[[int, WorkerProcess], bool],
        stillborn: Callable[[int, str], None],
    ) -> None:
        self._environment = environment
        self._start = start
        self._prepare = prepare
        self._born = born
        self._stillborn = stillborn
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._starting: set[WorkerProcess] = set()
        self._threads: set[threading.Thread] = set()

    def first(self, size: int) -> list[WorkerProcess]:
        """Start that many workers at the same time, and wait until all are ready.

        Raises:
            LaunchError: One could not be started; none is left running.
        """
        processes: list[WorkerProcess] = []
        try:
            processes.extend(self._start(index) for index in range(size))
            for process in processes:
                process.greet()
            self._prepared(dict(enumerate(processes)))
        except BaseException:
            discard(processes)
            raise
        return processes

    def replace(self, index: int, delay: float) -> None:
        """Start a worker after so many seconds; returns at once. Nothing is started after `close`."""

        def start() -> None:
            if not self._closing.wait(delay):
                self._started(index)

        self.aside(f"wetlands-spawn-{self._environment}-{index}", start)

    def aside(self, name: str, deed: Callable[[], None]) -> None:
        """Do something on a thread of its own, whose end `join` waits for.

        Raises:
            RuntimeError: The interpreter is ending and starts no threads any more.
        """

        def run() -> None:
            try:
                deed()
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            thread.start()
            self._threads.add(thread)  # after: who joins must not find one that could not be started

    def close(self) -> Sequence[WorkerProcess]:
        """Start no more; those that are starting now, which the caller stops."""
        with self._lock:
            self._closing.set()
            return list(self._starting)

    def join(self) -> None:
        """Wait for the threads of replacements; what they were starting has been stopped."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def _started(self, index: int) -> None:
        process: WorkerProcess | None = None
        try:
            process = self._start(index)
            with self._lock:
                self._starting.add(process)
                closing = self._closing.is_set()
            if closing:
                discard([process])
                return
            process.greet()
            self._prepared({index: process})
        except Exception as error:  # noqa: BLE001 - the variables for the worker come from code of the user
            with self._lock:
                if process is not None:
                    self._starting.discard(process)
            self._stillborn(
                index, str(error) if isinstance(error, LaunchError) else f"Worker {index} cannot start: {error!r}"
            )
            return
        wanted = self._born(index, process)
        with self._lock:
            self._starting.discard(process)
        if not wanted:  # the pool is being closed, and may not have known of it
            discard([process])

    def _prepared(self, processes: Mapping[int, WorkerProcess]) -> None:
        fresh = {index: process for index, process in processes.items() if not process.adopted}
        if self._prepare is None or not fresh:
            return
        try:
            self._prepare(fresh)
        except BaseException:
            discard(list(processes.values()))
            raise
