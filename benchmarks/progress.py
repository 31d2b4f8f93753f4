"""Progress updates: how many a function can send in a second, and how many reach the host.

Ours are merged when the host does not keep up, so fewer may arrive than were sent; the newest always does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, Unit, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

LINES = [
    Line("sent", "progress updates sent by a function", Unit.RATE, Reach(at_most=1 / 100_000)),
    Line("delivered", "progress updates delivered to a listener", Unit.RATE),
]


def rows(bench: Bench) -> list[Result]:
    count = bench.times(50_000)
    contenders = [
        bench.contender("wetlands", "ours", "reports", count=count),
        *(bench.contender(library, "peer", "reports", count=count) for library in ("execnet", "appose")),
    ]
    return measure(LINES, contenders, bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
