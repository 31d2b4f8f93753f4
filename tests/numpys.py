"""Environments with numpy 1 and with numpy 2, for each Python of this machine, from the registry."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import uv
from filelock import FileLock

import interpreters

if TYPE_CHECKING:
    from pathlib import Path

# Each with the Pythons that it supports; the newest that there is for each of them.
NUMPYS = {"numpy 1": ("numpy<2", (3, 8), (3, 12)), "numpy 2": ("numpy>=2", (3, 9), (3, 14))}


CASES = [
    (version, name)
    for version in interpreters.found()
    for name, (_, first, last) in NUMPYS.items()
    if first <= tuple(map(int, version.split("."))) <= last
]


def with_numpy(environments: Path, version: str, requirement: str) -> Path:
    """The interpreter of an environment with that numpy, built when it is first asked for."""
    prefix = environments / f"{version} {requirement.strip('<>=2')} {'old' if '<' in requirement else 'new'}"
    python = prefix / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    environments.mkdir(exist_ok=True)
    with FileLock(f"{prefix}.lock", timeout=300):
        if not (prefix / "complete").exists():
            for command in (
                ["venv", "--clear", "--python", str(interpreters.found()[version]), str(prefix)],
                ["pip", "install", "--python", str(python), "--only-binary", "numpy", requirement],
            ):
                subprocess.run(
                    [uv.find_uv_bin(), *command, "--quiet"], check=True, timeout=300, stdin=subprocess.DEVNULL
                )
            (prefix / "complete").touch()
    return python
