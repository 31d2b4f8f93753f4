"""Tables of pandas and pyarrow, tensors of torch: any library whose values offer their memory is served like numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uv
from filelock import FileLock

from pools import an_environment
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from wetlands.ref import Ref

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shares memory as Linux does")

MODULE = Path(__file__).with_name("library_functions.py")
TESTS = Path(__file__).parents[1]
SIZE = 500_000
TORCH = os.environ.get("WETLANDS_TEST_TORCH")
"""An interpreter that has torch and numpy; its wheels are too large to be fetched by a test."""

needs_torch = pytest.mark.skipif(TORCH is None, reason="WETLANDS_TEST_TORCH names no interpreter with torch")


@pytest.fixture(scope="session")
def with_tables(numpy_environments: Path) -> Path:
    """An interpreter with pandas and pyarrow."""
    prefix = numpy_environments / "tables"
    python = prefix / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    numpy_environments.mkdir(exist_ok=True)
    with FileLock(f"{prefix}.lock", timeout=300):
        if not (prefix / "complete").exists():
            for command in (
                ["venv", "--clear", "--python", sys.executable, str(prefix)],
                ["pip", "install", "--python", str(python), "--only-binary", ":all:", "numpy", "pandas", "pyarrow"],
            ):
                subprocess.run(
                    [uv.find_uv_bin(), *command, "--quiet"], check=True, timeout=300, stdin=subprocess.DEVNULL
                )
            (prefix / "complete").touch()
    return python


def cross(python: Path, *libraries: str) -> list[str]:
    """Which libraries had all of their values cross between two ends in one process."""
    command = [str(python), str(TESTS / "library_values_functions.py"), *libraries]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])}
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=variables)
    assert "" == found.stderr
    return found.stdout.split()


@pytest.mark.network
def test_tables_arrive_as_they_were_and_in_shared_memory(with_tables: Path) -> None:
    assert ["pandas", "pyarrow"] == cross(with_tables, "pandas", "pyarrow")


@pytest.mark.network
@pytest.mark.parametrize(
    "kind, expected",
    [
        ("frame", ("DataFrame", SIZE * (SIZE - 1) // 2, float(SIZE))),
        ("table", ("Table", SIZE * (SIZE - 1) // 2)),
    ],
)
def test_a_table_passes_between_environments_of_a_program_that_has_no_such_library(
    with_tables: Path, kind: str, expected: object
) -> None:
    with an_environment(with_tables, name="first") as first, an_environment(with_tables, name="second") as second:
        ref: Ref[object] = first.execute(MODULE, kind, (SIZE,), keep=True)

        assert ref.nbytes >= 8 * SIZE
        assert expected == second.execute(MODULE, f"{kind}_total", (ref,))
        assert expected == first.execute(MODULE, f"{kind}_total", (ref,))
        with pytest.raises(ExecutionException, match=r"No module named '(pandas|pyarrow)'") as caught:
            first.execute(MODULE, kind, (SIZE,))
        assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category


@needs_torch
def test_tensors_arrive_as_they_were_and_in_shared_memory() -> None:
    assert TORCH is not None
    assert ["torch"] == cross(Path(TORCH), "torch")


@needs_torch
def test_a_tensor_passes_between_environments_and_lies_on_the_shared_memory() -> None:
    assert TORCH is not None
    with an_environment(Path(TORCH), name="first") as first, an_environment(Path(TORCH), name="second") as second:
        ref: Ref[object] = first.execute(MODULE, "tensor", (SIZE,), keep=True)

        assert 8 * SIZE == ref.nbytes
        assert ("Tensor", float(SIZE)) == second.execute(MODULE, "tensor_total", (ref,))
        assert second.execute(MODULE, "where_it_lies", (ref,)) is True
