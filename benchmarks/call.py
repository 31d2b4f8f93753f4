"""A call that does nothing: `execute()` against two bare processes that send each other pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [Line("call", "no-op `execute()`", reach=Reach(times_floor=2, below_peers=True))]


def rows(bench: Bench) -> list[Result]:
    return measure(LINES, bench.everybody("calls", times=bench.times(3000)), bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
