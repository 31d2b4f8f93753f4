"""``concurrent.futures.ProcessPoolExecutor`` with spawned processes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import work
from base import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Executor(Contender):
    """Calls are futures."""

    _executor: ProcessPoolExecutor

    def start(self, workers: int) -> None:
        """See the base class."""
        self._executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))

    def stop(self) -> None:
        """See the base class."""
        self._executor.shutdown()

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        return self.submit(function, *args)()

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        return self._executor.submit(getattr(work, function), *args).result

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class."""
        return list(self._executor.map(getattr(work, function), items))

    def map_chunks(self, function: str, items: Iterable[object], size: int) -> list[object]:
        """See the base class."""
        return list(self._executor.map(getattr(work, function), items, chunksize=size))

    def revive(self) -> None:
        """A broken executor stays broken."""
        self._executor.shutdown(wait=False)
        self.start(1)


CONTENDER = Executor
