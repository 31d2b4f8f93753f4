"""The way from the command line to a table: what the scripts of the rows share."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Contender
from tables import machine, report, today
from venvs import Venvs, default_cache, python_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness import Result, Role, Sample

    Row = Callable[["Bench"], list[Result]]

RUN = Path(__file__).parent / "contenders" / "run.py"
OF_ENVIRONMENT = {"executor": "stdlib", "pool": "stdlib", "bare": "worker"}
NAMES = {
    "appose": "Appose",
    "executor": "ProcessPoolExecutor (spawn)",
    "pool": "multiprocessing.Pool (spawn)",
    "bare": "bare processes",
}
PEERS = ("executor", "pool", "execnet", "loky", "appose")
_LONGEST_SAMPLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Bench:
    """The circumstances of a run.

    Attributes:
        rounds: How often everybody does the work.
        scale: How much of the work is done in a round; 1 for figures that count.
        venvs: The environments.
    """

    rounds: int
    scale: float
    venvs: Venvs

    def times(self, number: int) -> int:
        """How often to repeat something in a round."""
        return max(3, round(number * self.scale))

    def contender(self, library: str, role: Role, work: str, **options: object) -> Contender:
        """Somebody who does the work in a process of its own, see ``contenders/run.py``."""
        home = OF_ENVIRONMENT.get(library, library)
        python = Path(sys.executable) if library == "wetlands" else self.venvs.python(home)
        worker = self.venvs.python("worker") if library in {"wetlands", "bare"} else python
        command = [str(python), str(RUN), library, work, json.dumps({"python": str(worker), **options})]

        def sample() -> Sample:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_SAMPLE_SECONDS)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            answer: Sample = json.loads(done.stdout)
            return answer

        return Contender(NAMES.get(library, library), role, sample)

    def all_but_floor(self, work: str, **options: object) -> list[Contender]:
        """Us and our peers."""
        return [self.contender("wetlands", "ours", work, **options), *self.peers(work, **options)]

    def peers(self, work: str, **options: object) -> list[Contender]:
        """The others who do this work."""
        return [self.contender(library, "peer", work, **options) for library in PEERS]

    def everybody(self, work: str, **options: object) -> list[Contender]:
        """Us, the bare processes as the floor, and our peers."""
        return [self.contender("bare", "floor", work, **options), *self.all_but_floor(work, **options)]


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7, help="how often everybody does the work (default 7)")
    options.add_argument("--quick", action="store_true", help="two rounds of a tenth of the work: does it run at all?")
    options.add_argument("--cache", type=Path, default=default_cache(), help="where the environments are kept")
    options.add_argument("--json", metavar="FILE", help="write the values of all rounds there; - prints them alone")
    return options


def bench_of(options: argparse.Namespace) -> Bench:
    """The circumstances that the options ask for, in an environment without settings of Python."""
    for variable in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[variable]  # with PYTHONDONTWRITEBYTECODE, every start would compile what it imports
    cache = Venvs(options.cache.absolute())
    return Bench(2, 0.1, cache) if options.quick else Bench(options.rounds, 1.0, cache)


def as_json(results: Sequence[Result]) -> str:
    """All values, for programs."""
    return json.dumps(
        {"machine": machine(), "date": today(), "results": [result.to_json() for result in results]}, indent=2
    )


def write(results: Sequence[Result], json_file: str | None, text: str) -> None:
    """Print and store what the options ask for."""
    if json_file == "-":
        print(as_json(results))
        return
    if json_file:
        Path(json_file).write_text(as_json(results), encoding="utf-8")
    print(text)


def main(row: Row, description: str | None) -> None:
    """Run one benchmark from the command line."""
    options = parser(description).parse_args()
    results = row(bench_of(options))
    write(results, options.json, report(results))


__all__ = ["PEERS", "Bench", "bench_of", "main", "parser", "python_of", "write"]
