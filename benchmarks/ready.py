"""`launch()` of four workers until each of them has answered, against the launch of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

LINES = [Line("launch 4", "4 workers ready (the floor: 1 worker)", reach=Reach(below_peers=True))]


def rows(bench: Bench) -> list[Result]:
    times = bench.times(4)
    one = bench.contender("wetlands", "floor", "launches", workers=1, times=times)

    def floor() -> Sample:
        return {"launch 4": one.sample()["launch 1"]}

    contenders = [
        Contender("wetlands, 1 worker", "floor", floor),
        *bench.all_but_floor("launches", workers=4, times=times),
    ]
    return measure(LINES, contenders, bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
