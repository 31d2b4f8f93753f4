"""`map` of calls that do nothing: 5,000 one by one, with one worker and with two; 500,000 in chunks of 1,000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Line, Reach, Unit, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result

CHUNK = 1000
REACHES = {1: Reach(), 2: Reach(at_most=1 / 50_000)}


def rows(bench: Bench) -> list[Result]:
    results = []
    for workers, reach in REACHES.items():
        title = f"`map` of 5,000 no-ops, {workers} worker{'s' * (workers > 1)}"
        line = Line(f"map {workers}", title, Unit.RATE, reach)
        contenders = bench.all_but_floor("maps", items=bench.times(5000), workers=workers)
        results += measure([line], contenders, bench.rounds)
    title = f"`map` of 500,000 no-ops, 2 workers, `chunksize={CHUNK:,}`"
    line = Line(f"map 2 {CHUNK}", title, Unit.RATE, Reach(at_most=1 / 500_000))
    contenders = bench.all_but_floor("maps_chunks", items=bench.times(500_000), size=CHUNK, workers=2)
    results += measure([line], contenders, bench.rounds)
    return results


if __name__ == "__main__":
    main(rows, __doc__)
