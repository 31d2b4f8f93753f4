"""A worker that has numpy is killed: until its replacement, which has it too, has given a result.

Once with `preload`, which imports numpy once and forks workers, and once with an initializer that imports it in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [
    Line("preloaded", "crash: replacement with `preload` of numpy ready", reach=Reach(at_most=15e-3)),
    Line("imported", "crash: replacement whose initializer imports numpy ready"),
]


def rows(bench: Bench) -> list[Result]:
    return measure(LINES, [bench.contender("wetlands", "ours", "preloads", times=bench.times(10))], bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
