"""loky: an executor that can be used again after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import work
from base import Contender
from loky import get_reusable_executor  # type: ignore[import-not-found]  # only in its own environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Loky(Contender):
    """Calls are futures."""

    def start(self, workers: int) -> None:
        """See the base class."""
        self._workers = workers
        self._executor = get_reusable_executor(max_workers=workers, timeout=None)

    def stop(self) -> None:
        """See the base class."""
        self._executor.shutdown(wait=True)

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        return self.submit(function, *args)()

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        result: Callable[[], object] = self._executor.submit(getattr(work, function), *args).result
        return result

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class."""
        return list(self._executor.map(getattr(work, function), items))

    def revive(self) -> None:
        """Ask for the executor again."""
        self.start(self._workers)


CONTENDER = Loky
