"""``multiprocessing.Pool`` with spawned processes."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import work
from base import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.pool import Pool as MultiprocessingPool


class Pool(Contender):
    """Calls are asynchronous results."""

    _pool: MultiprocessingPool

    def start(self, workers: int) -> None:
        """See the base class."""
        self._pool = multiprocessing.get_context("spawn").Pool(workers)

    def stop(self) -> None:
        """See the base class."""
        self._pool.close()
        self._pool.join()

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        return self.submit(function, *args)()

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        return self._pool.apply_async(getattr(work, function), args).get

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class."""
        return list(self._pool.imap(getattr(work, function), items))

    def map_chunks(self, function: str, items: Iterable[object], size: int) -> list[object]:
        """See the base class."""
        return list(self._pool.imap(getattr(work, function), items, size))

    def crashes(self, times: int) -> dict[str, float]:
        """Its caller waits for ever for the result of a worker that died."""
        raise NotImplementedError


CONTENDER = Pool
