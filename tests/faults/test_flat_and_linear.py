"""What must not grow: cost and memory of the millionth call and of a long queue, and the delay of other threads.

Times are CPU seconds of this process and the best of several pieces of work, as other programs share the machine.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, pids
from wetlands.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands.external_environment import ExternalEnvironment

CALLS = int(os.environ.get("WETLANDS_FLAT_CALLS", "60000"))
PIECES = 20
SHORT, LONG = 25_000, 100_000  # both so long that the share of Python's garbage collector in each has settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def call(environment: ExternalEnvironment, how: str, count: int) -> None:
    if how == "map":
        for _ in environment.map(FUNCTIONS, "echo", range(count)):
            pass
        return
    for _ in range(count):
        if how == "execute":
            environment.execute(FUNCTIONS, "echo")
        else:
            environment.submit(FUNCTIONS, "echo").future.result(DEADLINE)


@pytest.mark.parametrize("how", ["execute", "submit", "map"])
def test_cost_and_memory_of_a_call_do_not_grow_with_their_number(how: str) -> None:
    with an_environment() as environment:
        call(environment, how, 3_000)
        (worker,) = pids(environment)
        times, memory = [], []
        for _ in range(PIECES):
            times.append(seconds(lambda: call(environment, how, CALLS // PIECES)))
            gc.collect()
            memory.append((megabytes(os.getpid()), megabytes(worker)))
        assert [worker] == pids(environment)
    early, late = times[: PIECES // 4], times[-PIECES // 4 :]
    grown = [max(last - first, 0) for first, last in zip(memory[PIECES // 4], memory[-1], strict=True)]
    each = [1e6 * min(part) * PIECES / CALLS for part in (early, late)]
    print(f"\n{how}: {CALLS} calls, {each[0]:.0f} and {each[1]:.0f} us of CPU each, grown by {grown} MB")  # noqa: T201
    assert min(late) < 1.5 * min(early), times
    assert max(grown) < 4, memory


class Queue:
    """Tasks that wait behind one which holds the only worker."""

    def __init__(self, environment: ExternalEnvironment, count: int) -> None:
        self.blocker = environment.submit(FUNCTIONS, "sleeps", kwargs={"seconds": 1200})
        eventually(lambda: self.blocker.message == "begun", "it holds the worker")
        begun = time.process_time()
        self.tasks = [environment.submit(FUNCTIONS, "echo", (number,)) for number in range(count)]
        self.submitting = (time.process_time() - begun) / count

    def drained(self) -> float:
        """CPU seconds per task until all of them have run."""

        def drain() -> None:
            self.blocker.cancel(force_after=0)
            for task in self.tasks:
                task.future.result(300)

        per_task = seconds(drain) / len(self.tasks)
        assert [task.result for task in self.tasks] == list(range(len(self.tasks)))
        return per_task

    def dropped(self) -> float:
        """CPU seconds per task until all of them are cancelled, in any order."""
        order = random.Random(4).sample(self.tasks, len(self.tasks))  # noqa: S311 - no secret

        def drop() -> None:
            for task in order:
                task.cancel()

        per_task = seconds(drop) / len(order)
        assert {TaskStatus.CANCELED} == {task.wait_for(DEADLINE).status for task in order}
        self.blocker.cancel(force_after=0)
        self.blocker.wait_for(DEADLINE)
        return per_task


@pytest.mark.parametrize("end", ["drained", "dropped"])
def test_a_hundred_thousand_queued_tasks_cost_four_times_what_a_quarter_costs(end: str) -> None:
    with an_environment() as environment:
        call(environment, "submit", 3_000)
        found: dict[int, list[tuple[float, float]]] = {SHORT: [], LONG: []}
        for count in (SHORT, SHORT, LONG):
            queue = Queue(environment, count)
            found[count].append((queue.submitting, getattr(queue, end)()))
            del queue
    for position, what in enumerate(("submitted", end)):
        short, long = (min(pair[position] for pair in found[count]) for count in (SHORT, LONG))
        print(f"\n{what}: {1e6 * short:.0f} us of CPU for each of {SHORT}, {1e6 * long:.0f} for each of {LONG}")  # noqa: T201
        assert long < 1.7 * short, found


def test_leaving_a_pool_with_a_long_queue_ends_every_task() -> None:
    with an_environment() as environment:
        queue = Queue(environment, LONG)
        begun = time.monotonic()
        environment.exit()
        assert {TaskStatus.CANCELED} == {task.wait_for(DEADLINE).status for task in queue.tasks}
        assert time.monotonic() - begun < 60


@pytest.mark.parametrize("how", ["execute", "submit", "map"])
def test_other_threads_of_the_host_stay_responsive_while_calls_go_at_full_speed(how: str) -> None:
    """Compared with what a thread that computes does to them: at each switch that costs five milliseconds."""
    with an_environment(max_workers=2) as environment:
        call(environment, how, 1000)

        def work(stop: threading.Event) -> None:
            while not stop.is_set():
                call(environment, how, 200)

        busy = delays(work)
    computing = delays(compute)
    print(f"\n{how}: {shown(busy)}; beside a thread that computes: {shown(computing)}")  # noqa: T201
    assert statistics.median(busy) < max(0.005, statistics.median(computing))
    assert statistics.quantiles(busy, n=20)[-1] < max(0.05, 2 * statistics.quantiles(computing, n=20)[-1])


def compute(stop: threading.Event) -> None:
    while not stop.is_set():
        for _ in range(1000):
            pass


def delays(work: Callable[[threading.Event], None]) -> list[float]:
    """By how many seconds a thread that wants to wake up every two milliseconds is late, beside another one."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name="busy")
    thread.start()
    late = []
    try:
        for _ in range(500):
            wanted = time.perf_counter() + 0.002
            threading.Event().wait(0.002)
            late.append(time.perf_counter() - wanted)
    finally:
        stop.set()
        thread.join(DEADLINE)
    return late


def shown(late: list[float]) -> str:
    quantiles = statistics.quantiles(late, n=20)
    return f"median {1e3 * statistics.median(late):.2f} ms, 95 of 100 below {1e3 * quantiles[-1]:.1f} ms"
