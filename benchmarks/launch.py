"""`launch()` of one worker to its first result, against an interpreter that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [Line("launch 1", "`launch()` to first result, 1 worker", reach=Reach(times_floor=3))]


def rows(bench: Bench) -> list[Result]:
    return measure(LINES, bench.everybody("launches", workers=1, times=bench.times(5)), bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
