"""The finder of interpreters: what the tests of all Pythons rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import interpreters

if TYPE_CHECKING:
    from collections.abc import Iterator


POSIX = pytest.mark.skipif(os.name == "nt", reason="needs an executable script; the search is the same on Windows")
OWN = "{}.{}".format(*sys.version_info)


@pytest.fixture
def lonely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine with the Python of the tests alone, and an empty folder as its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(interpreters, "_from_uv", list)
    interpreters.found.cache_clear()
    yield tmp_path
    interpreters.found.cache_clear()


def install(folder: Path, answer: str) -> None:
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)


def test_an_interpreter_is_of_the_version_it_is_found_as(interpreter: Path, request: pytest.FixtureRequest) -> None:
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.run([interpreter, "-c", question], capture_output=True, text=True, check=True).stdout.strip()

    assert interpreter == interpreters.found()[version]
    assert f"[{version}]" in request.node.name


def test_versions_are_in_order_and_from_3_8_up() -> None:
    versions = [tuple(map(int, version.split("."))) for version in interpreters.found()]

    assert sorted(versions) == versions
    assert min(versions) >= (3, 8)


def test_with_nothing_else_on_the_machine_the_python_of_the_tests_is_the_only_one(lonely: Path) -> None:
    assert [OWN] == list(interpreters.found())


@POSIX
def test_one_on_the_path_is_found(lonely: Path) -> None:
    install(lonely, "echo CPython 3 99 final /opt/python3.99")

    assert Path("/opt/python3.99") == interpreters.found()["3.99"]


@POSIX
@pytest.mark.parametrize(
    "answer",
    ["exit 127", "echo nonsense", "echo PyPy 3 99 final /x", "echo CPython 3 7 final /x", "echo CPython 3 99 beta /x"],
)
def test_what_is_no_finished_cpython_from_3_8_up_is_left_out(answer: str, lonely: Path) -> None:
    install(lonely, answer)

    assert [OWN] == list(interpreters.found())
