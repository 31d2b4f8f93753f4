"""Every example runs from any folder, and prints what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import sources

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 110
PRINTS = {
    "minimal_example.py": "6\n6\n",
    "tasks_example.py": "counted to 5 of 5\nCOMPLETED: 5, last = 5\nCANCELED: stopped early: True\n",
    "parallel_map_example.py": ("[6857, 97, 1000003, 5]\n4 results\nTrue\n"),
    "executor_example.py": (
        "[1, 4, 9, 16]\n[3, 6, 9]\n[10, 20, 30]\n"
        "Remote ZeroDivisionError from executor_example: division by zero\n"
        "True\n"
    ),
    "arrays_provided_example.py": (
        "[1.0, 1.0, 1.0] 9.0\n[0.0, 500.0, 1000.0, 1500.0]\nTrue False 0.0\n[0, 2, 4, 6] True\n"
    ),
    "arrays_returned_example.py": (
        "(2000, 1500) float64 1599\n[0.04, 0.0005] [2880000, 120000]\n0 120000\n[0, 1599, 0, 0]\n1.0\n"
    ),
    "callbacks_example.py": "stopped after 4 steps\n[(0, 0.5), (1, 0.25), (2, 0.125), (3, 0.0625)]\n"
    "not saved: model.bin is there already\n",
    "stream_example.py": "step 0: 5.0\nstep 1: 10.0\nstep 2: 15.0\nstep 3: 20.0\n4 steps\n[0, 1, 2, 3, 4]\n",
    "locks_example.py": "upgraded iniconfig 2.0.0 -> 2.1.0 (pypi)\n()\n()\n",
    "pipeline_example.py": ("96,000,000 bytes kept\n9000000 values clipped\n{'clipped': ((4000, 3000), 0.25)}\nTrue\n"),
    "persistent_example.py": "persistent_module:count COMPLETED 3 counted True\ntiny: 42\n",
    "progress_example.py": (
        "tiny ['create', 'install', 'commands']\nupgraded iniconfig 2.0.0 -> 2.1.0 (pypi)\nCANCELED False\n"
    ),
    "async_example.py": "9\n[0, 1, 8, 27]\nnot yet\n16\nCOMPLETION\n25\n",
    "workers_example.py": "('tiny: 42', True)\nTrue\n3 processes\n0 workers\n1 worker\n",
    "errors_example.py": (
        "Remote RuntimeError from errors_module: not a number: 'three'\n"
        "  category: remote_exception\n"
        "  caused by: invalid literal for int() with base 10: 'three'\n"
        "serialization: True\n"
        "worker_died: signal 6\n"
        "3\n"
    ),
}
EXAMPLES = sources.ROOT / "examples"


@pytest.mark.integration
@pytest.mark.network
@pytest.mark.parametrize("example", PRINTS)
def test_an_example_prints_what_it_should(example: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-X", "utf8", str(EXAMPLES / example)]

    run = subprocess.run(
        command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert 0 == run.returncode, run.stderr
    assert PRINTS[example] == run.stdout


def test_every_example_is_run() -> None:
    assert sorted(PRINTS) == sorted(path.name for path in EXAMPLES.glob("*_example.py"))
