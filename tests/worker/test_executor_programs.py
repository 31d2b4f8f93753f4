"""Whole programs that use an executor: their own file is the one whose functions run in the workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60
TESTS = Path(__file__).parent.parent
HEAD = f"""
import sys
from wetlands import EnvironmentManager, ExecutionException
from wetlands.environment_manager import EnvironmentManager as Another
sys.path.insert(0, {str(TESTS)!r})
COUNT = 10

class Model:
    @staticmethod
    def name(): return __name__, COUNT

def add(first, second=1):
    return first + second + COUNT

def starts_a_manager() -> EnvironmentManager:
    return EnvironmentManager()
"""
MAIN = """
def main():
    import pools
    from pathlib import Path
    with pools.an_environment(Path(sys.argv[1])) as environment, environment.executor() as executor:
        step = 5
        print(executor.submit(add, 1).result(), list(executor.map(lambda value: value * step, range(3))))
        print(executor.submit(Model.name).result())
"""


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(program), *arguments]
    return subprocess.run(
        command,
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_functions_of_a_program_run_in_every_python(interpreter: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + MAIN + "if __name__ == '__main__':\n    main()\n")

    ended = run(program, str(interpreter))

    assert (0, "") == (ended.returncode, ended.stderr)
    assert "12 [0, 5, 10]\n('program', 10)\n" == ended.stdout


def test_a_program_in_a_package_is_imported_as_a_part_of_it(tmp_path: Path) -> None:
    package = tmp_path / "tool"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "values.py").write_text("START = 5\n")
    (package / "__main__.py").write_text(
        HEAD + "from .values import START\n" + MAIN + "if __name__ == '__main__':\n    main()\n"
    )

    ended = subprocess.run(
        [sys.executable, "-m", "tool", sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert (0, "") == (ended.returncode, ended.stderr)
    assert "12 [0, 5, 10]\n('tool.__main__', 10)\n" == ended.stdout


def test_a_program_without_a_guard_is_told_of_it(tmp_path: Path) -> None:
    program = tmp_path / "unguarded.py"
    program.write_text(HEAD + MAIN.replace("sys.argv[1]", "sys.executable") + "main()\n")

    ended = run(program, sys.executable)

    assert 1 == ended.returncode
    assert "was still being imported" in ended.stderr
    assert "under `if __name__ == '__main__':`" in ended.stderr


def test_a_function_that_needs_the_host_is_told_of_it(interpreter: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        HEAD
        + "def main():\n    import pools\n    from pathlib import Path\n"
        + "    with pools.an_environment(Path(sys.argv[1])) as environment, environment.executor() as executor:\n"
        + "        try:\n            executor.submit(starts_a_manager).result()\n"
        + "        except ExecutionException as error:\n            print(error)\n"
        + "if __name__ == '__main__':\n    main()\n"
    )

    ended = run(program, str(interpreter))

    assert (0, "") == (ended.returncode, ended.stderr)
    assert "wetlands.EnvironmentManager is available in the host only, and this is a worker" in ended.stdout


@pytest.mark.parametrize("function", ["lambda: 1", "own"])
def test_functions_of_a_command_line_are_refused_with_the_reason(function: str, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\nimport pools\ndef own(): pass\n"
        "with pools.an_environment() as environment, environment.executor() as executor:\n"
        f"    executor.submit({function})"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert 1 == ended.returncode
    assert "is of this interactive session or command line, which workers cannot read. Define it at" in ended.stderr
