"""Values that cross and come back: a list of a million integers, and arrays of 1 KB and 1 MB.

The floor of the list is pickling and unpickling it twice. That of an array is our own call that carries nothing; for
1 MB, one copy of it in warm memory comes on top.
"""

from __future__ import annotations

import pickle
import time
from statistics import median
from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench import Bench
    from harness import Result, Sample

INTS = 1_000_000
LINES = {
    "ints 1000000": Line("ints 1000000", "echo of a list of 1,000,000 ints", reach=Reach(times_floor=1.5)),
    "array 1000": Line("array 1000", "echo of a 1 KB array (the floor: our no-op call)", reach=Reach(times_floor=1.5)),
    "array 1000000": Line(
        "array 1000000", "echo of a 1 MB array (the floor: the same, 1 copy)", reach=Reach(at_most=1e-3)
    ),
}


def rows(bench: Bench) -> list[Result]:
    call = bench.contender("wetlands", "floor", "calls", times=bench.times(1000))

    def no_op() -> Sample:
        return {"array 1000": call.sample()["call"]}

    def no_op_and_copy() -> Sample:
        return {"array 1000000": call.sample()["call"] + _copying(1_000_000)}

    floors = {
        "ints 1000000": (Contender("pickle, twice there and back", "floor", _pickling), "ints", INTS, 4),
        "array 1000": (Contender("no-op call", "floor", no_op), "array", 1000, 1000),
        "array 1000000": (Contender("no-op call, memcpy", "floor", no_op_and_copy), "array", 1_000_000, 200),
    }
    results = []
    for key, (floor, of, size, times) in floors.items():
        work = {"of": of, "size": size, "times": bench.times(times)}
        contenders = [floor, bench.contender("bare", "also", "echoes", **work), *bench.all_but_floor("echoes", **work)]
        results += measure([LINES[key]], contenders, bench.rounds)
    return results


def _pickling() -> Sample:
    numbers = list(range(INTS))
    return {"ints 1000000": 2 * _seconds(lambda: pickle.loads(pickle.dumps(numbers, 5)), 3)}


def _copying(size: int) -> float:
    source, target = bytes(size), memoryview(bytearray(size))

    def copy() -> None:
        target[:] = source

    return _seconds(copy, 100)


def _seconds(work: Callable[[], object], times: int) -> float:
    costs = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        costs.append(time.perf_counter() - begin)
    return median(costs)


if __name__ == "__main__":
    main(rows, __doc__)
