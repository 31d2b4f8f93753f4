"""Virtual environments of the peers and of our workers, made once and kept in a cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUIREMENTS = {
    "worker": ["numpy", "psutil"],  # where our workers and the bare processes run
    "appose": ["appose", "numpy", "psutil"],
    "execnet": ["execnet", "numpy", "psutil"],
    "loky": ["loky", "numpy", "psutil"],
    "stdlib": ["numpy", "psutil"],
}
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
"""The interpreter that all environments are made of, so that only the libraries differ."""


def default_cache() -> Path:
    """The folder of the user for things that can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local", "wetlands-benchmarks")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wetlands-benchmarks"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "wetlands-benchmarks")


@dataclass(frozen=True, slots=True)
class Venvs:
    """The environments under one folder."""

    cache: Path

    def python(self, name: str) -> Path:
        """The interpreter of an environment of `REQUIREMENTS`, which is made if it is not there, or is another one."""
        folder = self.cache / name
        python = python_of(folder)
        recipe = json.dumps([BASE_PYTHON, sys.version, REQUIREMENTS[name]])
        made_from = folder / "made-from.json"
        if not made_from.exists() or made_from.read_text(encoding="utf-8") != recipe:
            shutil.rmtree(folder, ignore_errors=True)
            build(folder, REQUIREMENTS[name])
            made_from.write_text(recipe, encoding="utf-8")
        return python


def build(folder: Path, requirements: Sequence[str]) -> None:
    """Make an environment with nothing but uv."""
    uv = find_uv_bin()
    commands = [
        [uv, "venv", "--quiet", "--python", BASE_PYTHON, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python_of(folder)), *requirements],
    ]
    for command in commands:
        subprocess.run(command, check=True, timeout=600)


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
