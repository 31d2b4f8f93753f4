"""`create`: of a recipe that is built already, and of a new one from PyPI out of a warm cache, against uv alone."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import main
from harness import Contender, Line, Reach, measure
from venvs import build

if TYPE_CHECKING:
    from bench import Bench
    from harness import Result, Sample

UNCHANGED = Line("unchanged", "`create`, unchanged recipe", reach=Reach(at_most=5e-3))
NEW = Line("new", "`create`, PyPI only, warm cache", reach=Reach(times_floor=1, plus=100e-3))
REQUIREMENTS = ["idna==3.10", "packaging==24.2", "attrs==25.3.0"]


def rows(bench: Bench) -> list[Result]:
    again = bench.contender("wetlands", "ours", "creates", times=bench.times(50))
    new = bench.contender("wetlands", "ours", "builds", requirements=REQUIREMENTS)
    uv = Contender("uv venv, uv pip install", "floor", _uv)
    uv.sample()  # fills the cache of uv
    return [*measure([UNCHANGED], [again], bench.rounds), *measure([NEW], [uv, new], bench.rounds)]


def _uv() -> Sample:
    folder = Path(tempfile.mkdtemp(prefix="wetlands-bench-"))
    try:
        begin = time.perf_counter()
        build(folder / "new", REQUIREMENTS)
        return {"new": time.perf_counter() - begin}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(rows, __doc__)
