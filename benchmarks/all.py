"""Run all benchmarks and write the page of the documentation: ``uv run benchmarks/all.py``.

They take half an hour. With ``--parts FOLDER``, what is done is kept there, and a run that was interrupted goes
on behind it.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import call
import crash
import create
import import_wetlands
import launch
import map as map_
import memory
import preload
import progress
import ready
import stop
import submit
import values
from bench import bench_of, parser, write
from tables import page, summary

import arrays

if TYPE_CHECKING:
    from types import ModuleType

    from bench import Bench
    from harness import Result

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "performance.md"
# In the order of the page.
BENCHMARKS = (
    call,
    submit,
    map_,
    launch,
    ready,
    values,
    arrays,
    progress,
    crash,
    preload,
    memory,
    stop,
    import_wetlands,
    create,
)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--page", type=Path, default=PAGE, help="where to write the page")
    options.add_argument("--parts", type=Path, help="a folder that keeps the results of each benchmark")
    given = options.parse_args()
    bench = bench_of(given)
    results: list[Result] = []
    for benchmark in BENCHMARKS:
        print(f"{benchmark.__name__} ...", file=sys.stderr, flush=True)
        results += benchmark.rows(bench) if given.parts is None else _kept(benchmark, bench, given.parts)
    given.page.write_text(page(results, bench.rounds), encoding="utf-8")
    write(results, given.json, summary(results))


def _kept(benchmark: ModuleType, bench: Bench, parts: Path) -> list[Result]:
    """The results of one benchmark, from its file if an earlier run with as many rounds has made it."""
    part = parts / f"{benchmark.__name__}-{bench.rounds}-{bench.scale:g}.pickle"
    if not part.exists():
        parts.mkdir(parents=True, exist_ok=True)
        part.write_bytes(pickle.dumps(benchmark.rows(bench)))
    results: list[Result] = pickle.loads(part.read_bytes())
    return results


if __name__ == "__main__":
    main()
