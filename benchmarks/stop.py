"""`exit()` of four idle workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [Line("stop 4", "stop of 4 workers", reach=Reach(at_most=20e-3))]


def rows(bench: Bench) -> list[Result]:
    return measure(LINES, bench.all_but_floor("launches", workers=4, times=bench.times(4)), bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
