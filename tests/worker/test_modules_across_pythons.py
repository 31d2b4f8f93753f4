from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest

import wetlands_worker

PROGRAM = Path(__file__).with_name("module_scenarios.py")
SOURCES = Path(next(iter(wetlands_worker.__path__))).parent
SCENARIOS = [
    node.name
    for node in ast.parse(PROGRAM.read_bytes()).body
    if isinstance(node, ast.FunctionDef) and not node.args.args
]


@pytest.mark.parametrize("options", [["-I"], ["-I", "-S"]], ids=["with site", "without site"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_modules_and_calls_behave_the_same_in_every_python(
    interpreter: Path, scenario: str, options: list[str], tmp_path: Path
) -> None:
    command = [str(interpreter), *options, "-W", "error", str(PROGRAM), str(SOURCES), str(tmp_path.resolve()), scenario]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # the test would otherwise leave bytecode of every Python beside the sources
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")

    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment, stdin=subprocess.DEVNULL
    )

    assert (0, "") == (result.returncode, result.stderr)
