"""Appose: services, and tasks that are scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import appose  # type: ignore[import-not-found]  # only in its own environment
from base import WORK, Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_INIT = f"import sys; sys.path.insert(0, {str(WORK.parent)!r}); import work"
_MOST_ARGUMENTS = 3


class Appose(Contender):
    """Each worker is a service, which runs its tasks in threads."""

    def start(self, workers: int) -> None:
        """See the base class."""
        environment = appose.custom().bin_paths(str(Path(self.python).parent)).build()
        self._services = [environment.python().init(_INIT).start() for _ in range(workers)]

    def stop(self) -> None:
        """See the base class."""
        for service in self._services:
            service.close()
        for service in self._services:
            service.wait_for()

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        return self._begin(0, function, args)()

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        return self._begin(0, function, args)

    def together(self, function: str, arguments: Sequence[tuple[object, ...]]) -> list[object]:
        """See the base class."""
        results = [self._begin(number, function, given) for number, given in enumerate(arguments)]
        return [result() for result in results]

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class; a window, because a service starts a thread for every task that it is sent."""
        window: list[Callable[[], object]] = []
        done: list[object] = []
        for number, item in enumerate(items):
            if len(window) >= 8 * len(self._services):
                done.append(window.pop(0)())
            window.append(self._begin(number % len(self._services), function, (item,)))
        return done + [result() for result in window]

    def revive(self) -> None:
        """A dead service stays dead."""
        self.start(1)

    def echoes(self, of: str, size: int, times: int) -> dict[str, float]:
        """Ordinary arrays do not cross; what does is arrays that were made in shared memory by hand."""
        if of == "array":
            raise NotImplementedError
        return super().echoes(of, size, times)

    def moves(self, size: int, times: int) -> dict[str, float]:
        """See above."""
        raise NotImplementedError

    def report(self, count: int) -> tuple[float, int]:
        """See the base class."""
        arrived = 0

        def listen(event: object) -> None:
            nonlocal arrived
            arrived += str(getattr(event, "response_type", "")).endswith("UPDATE")

        task = self._services[0].task("work.report(count, task)", {"count": count})
        task.listen(listen)
        task.start()
        task.wait_for()
        return float(task.outputs["result"]), arrived

    def _begin(self, number: int, function: str, args: tuple[object, ...]) -> Callable[[], object]:
        assert len(args) <= _MOST_ARGUMENTS
        inputs = dict(zip("abc", args, strict=False))
        task = self._services[number].task(f"work.{function}({', '.join(inputs)})", inputs)
        task.start()

        def result() -> object:
            task.wait_for()
            return task.outputs.get("result")

        return result


CONTENDER = Appose
