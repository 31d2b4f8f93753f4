"""`create`: of a recipe that is built already, and of new ones out of a warm cache, from PyPI and from conda."""

from __future__ import annotations

import os
import shutil
import sys
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
CONDA = Line("conda", "`create`, 3 conda packages, warm cache", reach=Reach(at_most=0.5))
REQUIREMENTS = ["idna==3.10", "packaging==24.2", "attrs==25.3.0"]
PACKAGES = ["herald", "pebble"]  # and Python


def rows(bench: Bench) -> list[Result]:
    again = bench.contender("wetlands", "ours", "creates", times=bench.times(50))
    new = bench.contender("wetlands", "ours", "builds", requirements=REQUIREMENTS)
    uv = Contender("uv venv, uv pip install", "floor", _uv)
    uv.sample()  # fills the cache of uv
    return [
        *measure([UNCHANGED], [again], bench.rounds),
        *measure([NEW], [uv, new], bench.rounds),
        *_conda(bench),
    ]


def _uv() -> Sample:
    folder = Path(tempfile.mkdtemp(prefix="wetlands-bench-"))
    try:
        begin = time.perf_counter()
        build(folder / "new", REQUIREMENTS)
        return {"new": time.perf_counter() - begin}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _conda(bench: Bench) -> list[Result]:
    """Against the bare links of the same files; the channel is the one of the tests, so no network is needed."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from conda_channel import channel

    served = channel()
    ours = bench.contender("wetlands", "ours", "builds_conda", packages=PACKAGES, variables=served.variables)
    ours.sample()  # fills the cache of packages
    names = tuple(f"{name}-" for name in (*PACKAGES, f"python-{max(served.pythons, key=_numbers)}"))
    extracted = [folder for folder in (served.packages / "pkgs").iterdir() if folder.name.startswith(names)]

    def link() -> Sample:
        folder = Path(tempfile.mkdtemp(prefix="wetlands-bench-", dir=served.packages))
        try:
            begin = time.perf_counter()
            for package in extracted:
                if package.is_dir():
                    shutil.copytree(package, folder / package.name, copy_function=os.link, symlinks=True)
            return {"conda": time.perf_counter() - begin}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return measure([CONDA], [Contender("links of the same files", "floor", link), ours], bench.rounds)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


if __name__ == "__main__":
    main(rows, __doc__)
