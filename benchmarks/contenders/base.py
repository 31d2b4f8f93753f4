"""The pieces of work that are measured, in terms of what a library offers.

A library's class says how to start and stop workers and how to call a function of ``work.py``; what it has no means for
raises `NotImplementedError`, and is left out of the table.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WORK = Path(__file__).parent / "work.py"


class Contender:
    """A library that runs functions in other processes.

    Args:
        python: The interpreter of its workers, where it can be chosen.
    """

    def __init__(self, python: str) -> None:
        self.python = python

    # ------------------------------------------------------- what libraries say

    def start(self, workers: int) -> None:
        """Start workers, with everything that this needs; they need not be ready."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the workers and wait for their end."""
        raise NotImplementedError

    def call(self, function: str, *args: object) -> object:
        """Call a function of ``work.py`` and wait for its result, in the quickest way there is."""
        raise NotImplementedError

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """Begin a call of which the rest of the program could see the progress; what gives the result."""
        raise NotImplementedError

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """Call a function with each item, one by one."""
        raise NotImplementedError

    def map_chunks(self, function: str, items: Iterable[object], size: int) -> list[object]:
        """Call a function with each item, so many as one unit."""
        raise NotImplementedError

    def together(self, function: str, arguments: Sequence[tuple[object, ...]]) -> list[object]:
        """As many calls at the same time as there are workers."""
        return [result() for result in [self.submit(function, *given) for given in arguments]]

    def revive(self) -> None:
        """After a worker has died: whatever a program must do before it can call again."""

    def report(self, count: int) -> tuple[float, int]:
        """Let a function report progress; the seconds in the function, and how many reports arrived."""
        raise NotImplementedError

    # --------------------------------------------------------- what is measured

    def calls(self, times: int) -> dict[str, float]:
        """Calls that do nothing."""
        return self._repeated("call", lambda: self.call("nothing"), times)

    def submits(self, times: int) -> dict[str, float]:
        """Tasks that do nothing."""
        return self._repeated("submit", lambda: self.submit("nothing")(), times)  # noqa: PLW0108 - begin it each time

    def echoes(self, of: str, size: int, times: int) -> dict[str, float]:
        """Calls that return their argument: ``ints`` makes a list of so many, ``array`` one of so many bytes."""
        value: object = list(range(size)) if of == "ints" else _array(size)
        return self._repeated(f"{of} {size}", lambda: self.call("nothing", value), times)

    def moves(self, size: int, times: int) -> dict[str, float]:
        """An array of so many bytes as argument, as result, and both."""
        array = _array(size)
        works = {
            "argument": lambda: self.call("size", array),
            "result": lambda: self.call("made", size),
            "echo": lambda: self.call("nothing", array),
        }
        costs: dict[str, float] = {}
        for key, work in works.items():
            costs |= self._repeated(f"{key} {size}", work, times)
        return costs

    def maps(self, items: int, workers: int) -> dict[str, float]:
        """Many calls that do nothing; the cost of one."""
        self.start(workers)
        try:
            self.map("nothing", range(items // 10))
            begin = time.perf_counter()
            results = self.map("nothing", range(items))
            took = time.perf_counter() - begin
            assert results == list(range(items)), "the results are the items, in their order"
        finally:
            self.stop()
        return {f"map {workers}": took / items}

    def maps_chunks(self, items: int, size: int, workers: int) -> dict[str, float]:
        """Many calls that do nothing, in chunks; the cost of one."""
        self.start(workers)
        try:
            self.map_chunks("nothing", range(items // 10), size)
            begin = time.perf_counter()
            results = self.map_chunks("nothing", range(items), size)
            took = time.perf_counter() - begin
            assert results == list(range(items)), "the results are the items, in their order"
        finally:
            self.stop()
        return {f"map {workers} {size}": took / items}

    def launches(self, workers: int, times: int) -> dict[str, float]:
        """From nothing to a result of every worker, and back; the first time warms up."""
        ready, stopped = [], []
        for _ in range(times + 1):
            with tempfile.TemporaryDirectory() as place:
                begin = time.perf_counter()
                self.start(workers)
                if workers == 1:
                    self.call("nothing")
                else:
                    self.together("meet", [(place, number, workers) for number in range(workers)])
                there = time.perf_counter()
            before = time.perf_counter()
            self.stop()
            ready.append(there - begin)
            stopped.append(time.perf_counter() - before)
        return {f"launch {workers}": median(ready[1:]), f"stop {workers}": median(stopped[1:])}

    def reports(self, count: int) -> dict[str, float]:
        """Progress updates: the cost of one for the function, and until all that arrive have arrived."""
        self.start(1)
        try:
            self.report(count // 10)
            begin = time.perf_counter()
            inside, arrived = self.report(count)
            took = time.perf_counter() - begin
        finally:
            self.stop()
        return {"sent": inside / count, "delivered": took / arrived}

    def crashes(self, times: int) -> dict[str, float]:
        """A worker is killed: until its caller knows, and until another one has given a result."""
        known, replaced = [], []
        for _ in range(times):
            self.start(1)
            try:
                self.call("nothing")
                begin = time.perf_counter()
                try:
                    self.call("die")
                except NotImplementedError:
                    raise
                except Exception:  # noqa: BLE001 - every library has its own
                    known.append(time.perf_counter() - begin)
                self.revive()
                self.call("nothing")
                replaced.append(time.perf_counter() - begin)
            finally:
                self.stop()
        return {"error": median(known), "replacement": median(replaced)}

    def memory(self) -> dict[str, float]:
        """What a worker holds that has run one call."""
        self.start(1)
        try:
            self.call("nothing")
            return memory_of(int(str(self.call("pid"))))
        finally:
            self.stop()

    def _repeated(self, key: str, work: Callable[[], object], times: int) -> dict[str, float]:
        costs = []
        self.start(1)
        try:
            for _ in range(max(2, times // 5)):
                work()
            for _ in range(times):
                begin = time.perf_counter()
                work()
                costs.append(time.perf_counter() - begin)
        finally:
            self.stop()
        return {key: median(costs)}


def memory_of(pid: int) -> dict[str, float]:
    """The memory of a process: resident, and what it alone is to blame for where the system tells."""
    import psutil

    process = psutil.Process(pid)
    held = {"rss": float(process.memory_info().rss)}
    full = process.memory_full_info()
    return held | {key: float(getattr(full, key)) for key in ("uss", "pss") if hasattr(full, key)}


def _array(size: int) -> object:
    import numpy as np

    return np.ones(size, dtype=np.uint8)  # zeros would be pages that nobody has made
