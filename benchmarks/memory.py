"""The memory of a worker that has run one call and waits, against an interpreter that waits for its input.

RSS counts all resident pages, shared ones too; PSS divides shared ones among those that share them; USS counts only
those of the process alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, Unit, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [
    Line("rss", "memory of an idle worker (RSS)", Unit.MEMORY, Reach(times_floor=1, plus=5e6)),
    Line("pss", "memory of an idle worker (PSS)", Unit.MEMORY, Reach(times_floor=1, plus=5e6)),
    Line("uss", "memory of an idle worker (USS)", Unit.MEMORY, Reach(times_floor=1, plus=5e6)),
]


def rows(bench: Bench) -> list[Result]:
    results = measure(LINES, bench.everybody("memory"), min(bench.rounds, 3))
    return [result for result in results if any(figure.role == "ours" for figure in result.figures)]


if __name__ == "__main__":
    main(rows, __doc__)
