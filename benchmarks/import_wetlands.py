"""`import wetlands`, and the import of the class that every program needs, against an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

LINES = [
    Line("package", "`import wetlands`", reach=Reach(times_floor=1, plus=40e-3)),
    Line("manager", "`from wetlands import EnvironmentManager`"),
]
PROGRAMS = {"package": "import wetlands", "manager": "from wetlands import EnvironmentManager"}


def rows(bench: Bench) -> list[Result]:
    times = bench.times(5)

    def ours() -> Sample:
        return {key: _seconds(program, times) for key, program in PROGRAMS.items()}

    def floor() -> Sample:
        return dict.fromkeys(PROGRAMS, _seconds("pass", times))

    contenders = [Contender("bare interpreter", "floor", floor), Contender("wetlands", "ours", ours)]
    return measure(LINES, contenders, bench.rounds)


def _seconds(program: str, times: int) -> float:
    costs = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
        costs.append(time.perf_counter() - begin)
    return median(costs)


if __name__ == "__main__":
    main(rows, __doc__)
