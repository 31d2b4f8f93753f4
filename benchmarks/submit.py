"""A task that does nothing: `submit(...).future.result()`, with all that makes a task observable.

The floor is the same as for a call. Peers begin a call and wait for the future, the result or the task that they give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, measure

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

LINES = [Line("submit", "no-op `submit().future.result()`")]


def rows(bench: Bench) -> list[Result]:
    times = bench.times(3000)
    bare = bench.contender("bare", "floor", "calls", times=times)

    def floor() -> Sample:
        return {"submit": bare.sample()["call"]}

    contenders = [Contender(bare.name, "floor", floor), *bench.all_but_floor("submits", times=times)]
    return measure(LINES, contenders, bench.rounds)


if __name__ == "__main__":
    main(rows, __doc__)
