"""Everything at once for a long time: no task is lost, nothing leaks, memory stays flat.

Threads and an event loop call, map, stream, cancel and wait with limits, while workers are killed. The default length
is that of a test; `WETLANDS_SOAK_SECONDS=600` asks for the ten minutes whose figures are in the documentation.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pools import FUNCTIONS, an_environment, eventually, in_thread, pids
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

SECONDS = float(os.environ.get("WETLANDS_SOAK_SECONDS", "30"))
LOST_SECONDS = 60.0
"""A task that has not ended by then counts as lost; the longest one takes a second."""

DIED, TIMEOUT = TaskFailureCategory.WORKER_DIED, TaskFailureCategory.TIMEOUT
WORKERS = 3
MOST_GROWTH_MB = 32.0  # values of 3 MB come and go
FAULTS = ("die", "leave", "fail", "unsendable", "raises_exit")


class Soak:
    """The clients of one environment, and what came of their tasks."""

    def __init__(self, environment: ExternalEnvironment) -> None:
        self.environment = environment
        self.ended: Counter[str] = Counter()
        self.over = threading.Event()
        self.samples: list[float] = []

    def client(self, turn: Callable[[random.Random], None], seed: int) -> Callable[[], None]:
        """A thread that takes turns until the end; any surprise fails the test, and ends the soak."""
        chance = random.Random(seed)  # noqa: S311 - it makes a mess, no keys

        def run() -> None:
            try:
                while not self.over.is_set():
                    turn(chance)
            except BaseException:
                self.over.set()
                raise

        return in_thread(run, SECONDS + LOST_SECONDS + 10)

    def end(self, task: Task[object], *allowed: TaskStatus | TaskFailureCategory) -> None:
        """Wait for a task, which ends as it may; any may lose its worker."""
        task.wait_for(LOST_SECONDS)
        how = task.status if task.error is None else task.error.category
        assert how in {*allowed, DIED}, task.error or task
        self.ended[how.value] += 1

    def tolerate_death(self, error: ExecutionException, *more: TaskFailureCategory) -> None:
        assert error.failure.category in {DIED, *more}, error
        self.ended[f"raised {error.failure.category.value}"] += 1

    # ---------------------------------------------------------------- clients

    def executes(self, chance: random.Random) -> None:
        value = bytes(chance.choice([10, 1000, 100_000, 3_000_000]))
        try:
            assert value == self.environment.execute(FUNCTIONS, "echo", (value,))
            self.ended["executed"] += 1
        except ExecutionException as error:
            self.tolerate_death(error)

    def maps(self, chance: random.Random) -> None:
        count, ordered = chance.randrange(400), chance.random() < 0.5
        results = self.environment.map(FUNCTIONS, "add_one", range(count), ordered=ordered, timeout=LOST_SECONDS)
        try:
            seen = list(results)
            assert list(range(1, count + 1)) == (seen if ordered else sorted(seen))  # type: ignore[type-var]  # numbers
            self.ended["mapped"] += count
        except ExecutionException as error:
            self.tolerate_death(error)

    def leaves_maps(self, chance: random.Random) -> None:
        results = self.environment.map(FUNCTIONS, "add_one", range(1000))
        with suppress(ExecutionException):
            for _ in range(chance.randrange(100)):
                next(results)
        del results
        self.ended["maps left"] += 1

    def cancels(self, chance: random.Random) -> None:
        function = chance.choice(["until_canceled", "sleeps", "ignores_everything", "counts"])
        task = self.environment.submit(FUNCTIONS, function)
        self.over.wait(chance.random() * 0.05)
        task.cancel(force_after=chance.random() * 0.05)
        self.end(task, TaskStatus.CANCELED, TaskStatus.COMPLETED)

    def runs_out_of_time(self, chance: random.Random) -> None:
        function = chance.choice(["sleeps", "counts", "echo"])
        task = self.environment.submit(FUNCTIONS, function, timeout=0.05)
        self.end(task, TIMEOUT, TaskStatus.COMPLETED)
        self.over.wait(0.2)

    def fails(self, chance: random.Random) -> None:
        function = chance.choice(FAULTS)
        arguments = (3,) if function in {"leave", "raises_exit"} else ()
        task = self.environment.submit(FUNCTIONS, function, arguments)
        self.end(task, TaskFailureCategory.REMOTE_EXCEPTION, TaskFailureCategory.SERIALIZATION)
        self.over.wait(0.1)

    def kills(self, chance: random.Random) -> None:
        self.over.wait(0.5)
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(pids(self.environment)), signal.SIGKILL)
            self.ended["killed"] += 1

    def gathers(self, chance: random.Random) -> None:
        asyncio.run(self._gathered(chance.randrange(50), chance.random() * 0.2))

    async def _gathered(self, count: int, seconds: float) -> None:
        tasks = [self.environment.submit(FUNCTIONS, "naps", (0.002,)) for _ in range(count)]
        with suppress(asyncio.TimeoutError, ExecutionException):
            await asyncio.wait_for(asyncio.gather(*tasks), seconds)
        for task in tasks:
            if not task.status.is_finished():
                task.cancel()
            self.end(task, TaskStatus.COMPLETED, TaskStatus.CANCELED)

    def samples_memory(self, _chance: random.Random) -> None:
        gc.collect()
        self.samples.append(psutil.Process().memory_info().rss / 2**20)
        self.over.wait(SECONDS / 40)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def growth(samples: list[float]) -> float:
    """MB between the second quarter and the last one; the first one fills caches."""
    quarter = len(samples) // 4
    return min(samples[-quarter:]) - min(samples[quarter : 2 * quarter])


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 3 * LOST_SECONDS)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors")
def test_crashes_cancellations_and_time_limits_lose_no_task_and_leak_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "wetlands")  # pytest would keep each record of each death
    with an_environment(max_workers=WORKERS) as environment:
        assert 1 == environment.submit(FUNCTIONS, "echo", (1,)).wait_for(LOST_SECONDS).result
        before = descriptors()
        soak = Soak(environment)
        turns = (soak.executes, soak.maps, soak.leaves_maps, soak.cancels, soak.runs_out_of_time, soak.fails)
        clients = [
            soak.client(turn, seed) for seed, turn in enumerate((*turns, soak.kills, soak.gathers, soak.executes))
        ]
        sampler = soak.client(soak.samples_memory, 0)
        began = time.monotonic()
        soak.over.wait(SECONDS)
        lasted = time.monotonic() - began
        soak.over.set()
        for finish in (*clients, sampler):
            finish()

        assert environment.launched()
        eventually(lambda: len(pids(environment)) == WORKERS, "all workers are there again")
        eventually(lambda: descriptors() <= before + WORKERS, "descriptors are closed")
        grown = growth(soak.samples)
        figures = f"{lasted:.0f} s: {dict(soak.ended)}; {min(soak.samples):.0f} MB, grown by {grown:.1f} MB"
        print(f"\nsoak of {figures}")  # noqa: T201 - the figures of the documentation, shown by `pytest -s`
        assert grown < MOST_GROWTH_MB, [round(sample) for sample in soak.samples]
