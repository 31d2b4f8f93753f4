"""Ourselves."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base import WORK, Contender

from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskEventType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wetlands.environment import Environment
    from wetlands.task import TaskEvent

_RECIPE = {"pip": ["idna==3.10", "packaging==24.2", "attrs==25.3.0"]}


class Wetlands(Contender):
    """Wetlands with an environment that exists already."""

    def __init__(self, python: str) -> None:
        super().__init__(python)
        self._folder = tempfile.TemporaryDirectory(prefix="wetlands-bench-", ignore_cleanup_errors=True)
        self._manager = EnvironmentManager(self._folder.name, log_file_path=None)
        self._environment: Environment | None = None

    @property
    def _env(self) -> Environment:
        if self._environment is None:
            self._environment = self._manager.load("bench", Path(self.python).parent.parent)
        return self._environment

    def start(self, workers: int) -> None:
        """See the base class."""
        self._env.launch(max_workers=workers)

    def stop(self) -> None:
        """See the base class."""
        self._env.exit()

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        return self._env.execute(WORK, function, args)

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        return self._env.submit(WORK, function, args).future.result

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class."""
        return list(self._env.map(WORK, function, items))

    def map_chunks(self, function: str, items: Iterable[object], size: int) -> list[object]:
        """See the base class."""
        return list(self._env.map(WORK, function, items, chunksize=size))

    def report(self, count: int) -> tuple[float, int]:
        """See the base class."""
        arrived = 0

        def listen(event: TaskEvent) -> None:
            nonlocal arrived
            arrived += event.type is TaskEventType.UPDATE

        task = self._env.submit(WORK, "report", (count,), start=False)
        task.listen(listen)
        seconds = float(str(task.wait_for().result))
        return seconds, arrived

    def kept(self, size: int, times: int) -> dict[str, float]:
        """A kept result as argument; and the most memory that either process held, after an array went both ways."""
        import numpy as np

        self.start(1)
        try:
            with self._env.execute(WORK, "made", (size,), keep=True) as ref:
                costs = {"ref": _median(lambda: self.call("size", ref), times)}
                costs["ref read"] = _median(lambda: self.call("total", ref), max(3, times // 30))
            self.call("nothing", np.ones(size, np.uint8))
            return costs | {"host": _peak("self"), "worker": _peak(str(self.call("pid")))}
        finally:
            self.stop()

    def preloads(self, times: int) -> dict[str, float]:
        """A worker with numpy is killed: until another one, which has numpy too, has given a result."""
        return {
            "imported": self._replaced(times, initializer=("numpy", "array", ((),))),
            "preloaded": self._replaced(times, preload=["numpy"]),
        }

    def _replaced(self, times: int, **options: Any) -> float:  # noqa: ANN401 - options of `launch`
        costs = []
        self._env.launch(**options)
        try:
            for _ in range(times):
                self.call("nothing")
                begin = time.perf_counter()
                with suppress(ExecutionException):
                    self.call("die")
                self.call("nothing")
                costs.append(time.perf_counter() - begin)
        finally:
            self.stop()
        return sorted(costs)[len(costs) // 2]

    def creates(self, times: int) -> dict[str, float]:
        """``create`` of an environment that is there, each time by a new manager."""
        folder = tempfile.mkdtemp(prefix="wetlands-bench-")
        costs = []
        try:
            with EnvironmentManager(folder, log_file_path=None) as manager:
                manager.create("unchanged", _RECIPE)  # type: ignore[arg-type]  # a constant is no TypedDict
            for _ in range(times):
                with EnvironmentManager(folder, log_file_path=None) as manager:
                    begin = time.perf_counter()
                    manager.create("unchanged", _RECIPE)  # type: ignore[arg-type]  # as above
                    costs.append(time.perf_counter() - begin)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {"unchanged": sorted(costs)[len(costs) // 2]}

    def builds(self, requirements: list[str]) -> dict[str, float]:
        """``create`` of a new environment, out of a warm cache."""
        folder = tempfile.mkdtemp(prefix="wetlands-bench-")
        try:
            with EnvironmentManager(folder, log_file_path=None) as manager:
                begin = time.perf_counter()
                manager.create("new", {"pip": list(requirements)})
                return {"new": time.perf_counter() - begin}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def builds_conda(self, packages: list[str], variables: dict[str, str]) -> dict[str, float]:
        """``create`` of a new conda environment, the import of the engine included."""
        os.environ.update(variables)
        cache = variables["RATTLER_CACHE_DIR"]  # on the same disk, so that files are linked
        folder = tempfile.mkdtemp(prefix="wetlands-bench-", dir=cache)
        try:
            with EnvironmentManager(folder, log_file_path=None) as manager:
                begin = time.perf_counter()
                manager.create("new", {"conda": list(packages)})
                return {"conda": time.perf_counter() - begin}
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _median(work: Callable[[], object], times: int) -> float:
    costs = []
    for _ in range(times + 1):
        begin = time.perf_counter()
        work()
        costs.append(time.perf_counter() - begin)
    return sorted(costs[1:])[times // 2]


def _peak(process: str) -> float:
    """The most bytes that were ever resident, where the system tells; else none."""
    with suppress(OSError):
        for line in Path("/proc", process, "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return 0.0


CONTENDER = Wetlands
