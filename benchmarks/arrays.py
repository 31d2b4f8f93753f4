"""Arrays as arguments, as results, and there and back, from 64 KB to 2 GB, after a warm-up; and kept results.

The floor is one copy for each direction in warm memory, and below 10 MB our call that carries nothing on top. Peers
are asked up to 100 MB only, and less often: a call takes some of them seconds there, and beyond it tens of gigabytes.
Of 100 MB the memory is measured as well: the most that our program and its worker have held, of which the shared
pages are counted in both.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, Unit, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

SIZES = {65_536: 300, 1_000_000: 200, 10_000_000: 50, 100_000_000: 10, 1_000_000_000: 4, 2_000_000_000: 3}
OF_PEERS = {65_536: 300, 1_000_000: 40, 10_000_000: 5, 100_000_000: 3}
WITH_CALL = 10_000_000
REACH = {
    ("argument", 100_000_000): Reach(times_floor=1.3),
    ("echo", 1_000_000_000): Reach(times_floor=1.5),
    ("echo", 1_000_000): Reach(at_most=1e-3),
}
KEPT = 100_000_000
KEPT_LINES = (
    Line("ref", "kept result of 100 MB as argument, not read", reach=Reach(at_most=3e-4)),
    Line("ref read", "kept result of 100 MB as argument, read by numpy"),
    Line("host", "most memory of the program, after 100 MB there and back", Unit.MEMORY),
    Line("worker", "most memory of the worker, after 100 MB there and back", Unit.MEMORY),
)


def rows(bench: Bench) -> list[Result]:
    call = bench.contender("wetlands", "floor", "calls", times=bench.times(1000))
    results = []
    for size, times in SIZES.items():
        floor = Contender("memcpy", "floor", lambda size=size, times=times: _floor(call, size, times))  # type: ignore[misc]  # the defaults bind the loop's values
        ours = bench.contender("wetlands", "ours", "moves", size=size, times=bench.times(times))
        peers = bench.peers("moves", size=size, times=bench.times(OF_PEERS[size])) if size in OF_PEERS else []
        results += measure(_lines(size), [floor, ours, *peers], bench.rounds)
    kept = [bench.contender("wetlands", "ours", "kept", size=KEPT, times=bench.times(300))]
    return results + measure(KEPT_LINES, kept, bench.rounds)


def _lines(size: int) -> list[Line]:
    named = {"argument": "array of {} as argument", "result": "array of {} as result", "echo": "echo of an array of {}"}
    return [
        Line(f"{key} {size}", title.format(_shown(size)), reach=REACH.get((key, size), Reach()))
        for key, title in named.items()
    ]


def _shown(size: int) -> str:
    return f"{size // 1_000_000:,} MB" if size >= 1_000_000 else f"{size // 1024} KiB"


def _floor(call: Contender, size: int, times: int) -> Sample:
    copy = _copying(size, max(3, times))
    plus = call.sample()["call"] if size < WITH_CALL else 0.0
    return {f"argument {size}": copy + plus, f"result {size}": copy + plus, f"echo {size}": 2 * copy + plus}


def _copying(size: int, times: int) -> float:
    import numpy as np

    source = np.ones(size, np.uint8)
    target = np.ones(size, np.uint8)
    costs = []
    for _ in range(times):
        begin = time.perf_counter()
        np.copyto(target, source)
        costs.append(time.perf_counter() - begin)
    return median(costs)


if __name__ == "__main__":
    main(rows, __doc__)
