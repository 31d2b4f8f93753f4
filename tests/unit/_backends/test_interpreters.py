from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from wetlands._backends.interpreters import Interpreter, installed_interpreters, pick, search_path
from wetlands._platform.layout import pythons
from wetlands._spec.python import ANY_PYTHON, parse_python
from wetlands.exceptions import InterpreterNotFoundError, ProvisioningError


def at(version: str, path: str = "", **facts: bool) -> Interpreter:
    return Interpreter(Path(path or f"/{version}/bin/python"), Version(version), **facts)


def test_any_python_is_that_of_the_host() -> None:
    host = at("3.11.7", of_host=True)

    assert host == pick(ANY_PYTHON, [host, at("3.13.0"), at("3.8.18")])


def test_any_python_is_the_newest_release_for_a_host_that_is_none_itself() -> None:
    assert at("3.13.0") == pick(ANY_PYTHON, [at("3.8.18"), at("3.13.0"), at("3.14.0rc1")])


@pytest.mark.parametrize(
    "asked, expected",
    [
        (">=3.9", "3.13.0"),
        ("3.9", "3.9.18"),
        ("3.11.2", "3.11.2"),
        (">=3.8,<3.11", "3.10.13"),
        (">=3.14.0rc1", "3.14.0rc1"),
    ],
)
def test_what_was_asked_gets_the_newest_that_fits(asked: str, expected: str) -> None:
    versions = ("3.11.7", "3.13.0", "3.11.2", "3.10.13", "3.9.18", "3.14.0rc1")

    assert expected == str(pick(parse_python(asked), [at(version) for version in versions]).version)


def test_among_equals_the_host_comes_first_then_what_is_outside_of_conda_then_the_first_found() -> None:
    of_conda, first, second = at("3.11.7", "/conda", of_conda=True), at("3.11.7", "/first"), at("3.11.7", "/second")
    host = at("3.11.7", "/host", of_host=True)

    assert host == pick(parse_python("3.11"), [of_conda, first, second, host])
    assert first == pick(parse_python("3.11"), [of_conda, first, second])


def test_a_python_for_another_processor_is_the_last_resort() -> None:
    emulated = at("3.13.0", native=False)

    assert at("3.11.7") == pick(parse_python(">=3.11"), [emulated, at("3.11.7")])
    assert emulated == pick(parse_python(">=3.13"), [emulated, at("3.11.7")])


def test_the_error_lists_what_was_found_newest_first() -> None:
    with pytest.raises(InterpreterNotFoundError) as refused:
        pick(parse_python("3.12"), [at("3.9.18"), at("3.13.0")])

    assert ("3.13.0 at /3.13.0/bin/python", "3.9.18 at /3.9.18/bin/python") == refused.value.found
    assert "3.12" in refused.value.requirement


def listed(*entries: dict[str, object]) -> tuple[Interpreter, ...]:
    """What is found besides the host, when uv lists these."""
    plain = {"implementation": "cpython", "variant": "default", "arch": "", "a field of tomorrow": 1}
    answer = json.dumps([{**plain, **entry} for entry in entries])
    found = installed_interpreters(uv=Path("uv"), env={}, list_with=lambda _uv, _env: answer)
    return tuple(interpreter for interpreter in found if not interpreter.of_host)


def test_what_ordinary_wheels_fit_is_found() -> None:
    assert (at("3.12.1", "/a/bin/python3.12"),) == listed({"version": "3.12.1", "path": "/a/bin/python3.12"})


@pytest.mark.parametrize(
    "entry",
    [
        {"version": "3.7.16"},
        {"version": "3.13.0", "variant": "freethreaded"},
        {"version": "3.10.14", "implementation": "pypy"},
        {"version": "not a version"},
        {"version": "3.12.1", "path": None},
    ],
)
def test_what_no_worker_or_no_wheel_runs_on_is_left_out(entry: dict[str, object]) -> None:
    assert () == listed({"path": "/a/bin/python", **entry})


def test_an_answer_of_uv_that_is_not_understood_is_an_error_that_says_so() -> None:
    with pytest.raises(ProvisioningError, match="no form known here"):
        installed_interpreters(uv=Path("uv"), env={}, list_with=lambda _uv, _env: "cpython-3.12 /usr/bin/python3")


def test_an_interpreter_in_a_virtual_environment_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").touch()

    assert () == listed({"version": "3.12.1", "path": str(pythons(tmp_path, "venv")[0])})


def test_one_interpreter_under_several_names_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "python3.12").touch()
    (tmp_path / "python").symlink_to("python3.12")
    entries: list[dict[str, object]] = [
        {"version": "3.12.1", "path": str(tmp_path / name)} for name in ("python3.12", "python")
    ]

    assert 1 == len(listed(*entries))


def test_the_interpreter_of_this_program_is_always_found() -> None:
    found = installed_interpreters(uv=Path("uv"), env={}, list_with=lambda _uv, _env: "[]")

    assert [Path(sys.executable)] == [interpreter.path for interpreter in found if interpreter.of_host]


def test_a_frozen_program_is_no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert () == installed_interpreters(uv=Path("uv"), env={}, list_with=lambda _uv, _env: "[]")


@pytest.mark.parametrize("inside", ["versions", "installs/python"])
def test_shims_make_way_for_what_they_stand_for(tmp_path: Path, inside: str) -> None:
    python = pythons(tmp_path / inside / "3.12.1", "venv")[0]
    python.parent.mkdir(parents=True)
    entries = ["/usr/local/bin", str(tmp_path / "shims"), "/usr/bin"]

    expected = ["/usr/local/bin", str(python.parent), "/usr/bin"]
    assert expected == search_path({"PATH": os.pathsep.join(entries)}).split(os.pathsep)


def test_shims_of_something_else_stay(tmp_path: Path) -> None:
    assert str(tmp_path / "shims") == search_path({"PATH": str(tmp_path / "shims")})


def test_pyenv_is_found_without_its_shims_on_path(tmp_path: Path) -> None:
    python = pythons(tmp_path / "versions" / "3.12.1", "venv")[0]
    python.parent.mkdir(parents=True)

    expected = os.pathsep.join(["/usr/bin", str(python.parent)])
    assert expected == search_path({"PATH": "/usr/bin", "PYENV_ROOT": str(tmp_path)})
