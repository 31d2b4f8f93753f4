"""The program, as a person runs it, on an environment of the uv backend."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import leaks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

MODULE = """
import sys

def add(a, b=1):
    print("adding")
    print("a warning", file=sys.stderr)
    return {"sum": a + b}

def fail():
    raise ValueError("bad input")

if __name__ == "__main__":
    print(sys.argv[1:])
    if "--leave" in sys.argv:
        sys.exit(3)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with leaks.allow():
        return tmp_path_factory.mktemp("a folder (é)")


def _wetlands(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wetlands", "-wip", "inst", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def run(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    with leaks.allow():
        (folder / "module.py").write_text(MODULE)
        made = _wetlands(folder, "create", "demo", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}")
        assert made.returncode == 0, made.stderr
    return lambda *words: _wetlands(folder, *words)


def test_a_function_prints_what_it_prints_and_its_result(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run("run", "demo", "module.py:add", "3", "b=4")

    assert (0, "adding\n{'sum': 7}\n", "a warning\n") == (done.returncode, done.stdout, done.stderr)
    assert {"sum": 7} == json.loads(run("run", "--json", "demo", "module.py:add", "6").stdout.partition("\n")[2])


def test_a_script_gets_its_words_as_they_are(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("run", "demo", "module.py", "--json", "-x", "a b")

    assert (0, "['--json', '-x', 'a b']\n") == (done.returncode, done.stdout)


def test_a_failure_shows_the_far_traceback_and_is_exit_code_1(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run("run", "demo", "module.py:fail")

    assert 1 == done.returncode
    assert 'raise ValueError("bad input")' in done.stderr
    assert "Error: Remote ValueError from module: bad input" in done.stderr
    assert 1 == run("run", "demo", "module.py", "--leave").returncode


def test_exec_becomes_the_program_with_its_exit_code(
    run: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    done = run("exec", "demo", "python", "-c", "import sys; print(sys.prefix); sys.exit(7)")

    assert 7 == done.returncode
    assert done.stdout.startswith(str(folder / "inst"))
    assert 127 == run("exec", "demo", "no-such-program").returncode


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_exec_gets_the_signals_of_the_terminal(
    run: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    program = "import time; print('ready', flush=True); time.sleep(60)"
    words = [sys.executable, "-m", "wetlands", "-wip", "inst", "exec", "demo", "python", "-c", program]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert b"ready\n" == process.stdout.readline()
        process.send_signal(signal.SIGTERM)

        assert -signal.SIGTERM == process.wait(20)


def test_logs_are_of_workers_or_of_the_manager(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    run("run", "demo", "module.py:add", "1")

    assert "adding" in run("logs").stdout
    assert "Launched" in run("logs", "manager", "--name", "demo").stdout
    assert "" == run("logs", "--name", "other").stdout


def test_the_doctor_finds_nothing_to_correct(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("doctor", "--offline", "--json")

    assert 0 == done.returncode
    assert {"ok", "note"} >= {finding["verdict"] for finding in json.loads(done.stdout)}
