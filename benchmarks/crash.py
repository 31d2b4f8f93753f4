"""A worker is killed in a call: until the caller gets the error, and until a replacement has given a result.

The replacement is held against our own launch. `multiprocessing.Pool` is not here: its caller waits for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

LINES = [
    Line("error", "crash: error raised", reach=Reach(at_most=2e-3)),
    Line("replacement", "crash: replacement ready (the floor: 1 launch)", reach=Reach(times_floor=2)),
]


def rows(bench: Bench) -> list[Result]:
    times = bench.times(10)
    launch = bench.contender("wetlands", "floor", "launches", workers=1, times=times)

    def floor() -> Sample:
        return {"replacement": launch.sample()["launch 1"]}

    contenders = [Contender("wetlands, launch", "floor", floor), *bench.all_but_floor("crashes", times=times)]
    return measure(LINES, contenders, bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
