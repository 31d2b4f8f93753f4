from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.prefix import Prefix
from wetlands._launch.activation import activate, conda_variables
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from wetlands._platform.layout import PrefixKind

VENV = Prefix(Path("/envs/é (1)"), Path("/envs/é (1)/bin/python"), "venv")
CONDA = Prefix(Path("/envs/c"), Path("/envs/c/bin/python"), "conda")


def test_a_virtual_environment_comes_first_on_path() -> None:
    expected = {
        "HOME": "/home/me",
        "PATH": "/envs/é (1)/bin:/usr/local/bin:/usr/bin",
        "VIRTUAL_ENV": "/envs/é (1)",
        "PYTHONNOUSERSITE": "1",
    }

    assert expected == activate(VENV, {"HOME": "/home/me", "PATH": "/usr/local/bin:/usr/bin"}, system="posix")


def test_a_conda_prefix_is_activated_as_conda_does() -> None:
    expected = {
        "PATH": "/envs/c/bin:/usr/bin",
        "CONDA_PREFIX": "/envs/c",
        "CONDA_DEFAULT_ENV": "/envs/c",
        "CONDA_SHLVL": "1",
        "PYTHONNOUSERSITE": "1",
    }

    assert expected == activate(CONDA, {"PATH": "/usr/bin"}, system="posix")


@pytest.mark.parametrize("prefix", [VENV, CONDA])
def test_nothing_of_another_python_is_left(prefix: Prefix) -> None:
    host = {
        "PATH": "/usr/bin",
        "PYTHONHOME": "/wrong",
        "PYTHONPATH": "/wrong",
        "PYTHONEXECUTABLE": "/wrong",
        "PYTHONSTARTUP": "/wrong",
        "VIRTUAL_ENV": "/wrong",
        "CONDA_PREFIX": "/wrong",
        "CONDA_PYTHON_EXE": "/wrong",
        "__PYVENV_LAUNCHER__": "/wrong",
        "LD_LIBRARY_PATH": "/wrong/_MEI",
        "LD_LIBRARY_PATH_ORIG": "/opt/lib",
        "_PYI_APPLICATION_HOME_DIR": "/wrong/_MEI",
    }

    activated = activate(prefix, host, system="posix")

    assert [] == [name for name, value in activated.items() if "/wrong" in value]
    assert "/opt/lib" == activated["LD_LIBRARY_PATH"]


def test_entries_of_the_hosts_environments_leave_path_and_those_of_the_system_stay() -> None:
    host = {
        "PATH": "/host/.venv/bin/:/opt/conda/envs/a/bin:/opt/conda/bin:/opt/conda/condabin:/usr/bin::/usr/bin",
        "VIRTUAL_ENV": "/host/.venv",
        "CONDA_PREFIX": "/opt/conda/envs/a",
        "CONDA_PREFIX_1": "/opt/conda",
        "CONDA_PREFIX_NOTE": "/usr",
    }

    assert "/envs/c/bin:/opt/conda/condabin:/usr/bin" == activate(CONDA, host, system="posix")["PATH"]


def test_what_the_user_chose_about_buffering_stays() -> None:
    assert "1" == activate(VENV, {"PATH": "", "PYTHONUNBUFFERED": "1"}, system="posix")["PYTHONUNBUFFERED"]
    assert "PYTHONUNBUFFERED" not in activate(VENV, {"PATH": ""}, system="posix")


def test_without_a_path_there_is_one_afterwards() -> None:
    assert "/envs/c/bin" == activate(CONDA, {}, system="posix")["PATH"]


def test_the_given_variables_are_not_changed() -> None:
    host = {"PATH": "/usr/bin", "VIRTUAL_ENV": "/host/.venv"}

    activate(VENV, host)

    assert {"PATH": "/usr/bin", "VIRTUAL_ENV": "/host/.venv"} == host


@pytest.mark.parametrize(
    "kind, entries",
    [
        ("venv", ["Scripts"]),
        ("conda", ["", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts", "bin"]),
    ],
)
def test_windows_keeps_the_spelling_of_path_and_compares_without_case(kind: PrefixKind, entries: list[str]) -> None:
    folder = Path("/envs/w")
    host = {
        "Path": r"C:\host\.venv\SCRIPTS\;C:\Conda\Library\bin;C:\Windows",
        "VIRTUAL_ENV": r"C:\Host\.venv",
        "CONDA_PREFIX": r"c:\conda",
    }

    activated = activate(Prefix(folder, folder / "python.exe", kind), host, system="windows")

    assert [*(str(folder / entry) for entry in entries), r"C:\Windows"] == activated["Path"].split(";")
    assert "PATH" not in activated


@pytest.fixture
def conda_prefix(tmp_path: Path) -> Prefix:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "etc" / "conda" / "env_vars.d").mkdir(parents=True)
    return Prefix(tmp_path, tmp_path / "bin" / "python", "conda")


def test_variables_of_packages_are_read_and_those_of_the_user_go_over_them(conda_prefix: Prefix) -> None:
    variables = conda_prefix.path / "etc" / "conda" / "env_vars.d"
    (variables / "a.json").write_text(json.dumps({"A": "package", "B": "package", "C": "package"}), encoding="utf-8")
    (variables / "b.json").write_text(json.dumps({"B": "later package"}), encoding="utf-8")
    state = {"version": 1, "env_vars": {"A": "user", "C": "***unset***"}}
    (conda_prefix.path / "conda-meta" / "state").write_text(json.dumps(state), encoding="utf-8")

    assert {"A": "user", "B": "later package"} == conda_variables(conda_prefix)


def test_a_prefix_without_variables_has_none(conda_prefix: Prefix) -> None:
    assert {} == conda_variables(conda_prefix)


def test_a_virtual_environment_has_no_variables_of_conda() -> None:
    assert {} == conda_variables(VENV)


@pytest.mark.parametrize("content", ["", "[]", '{"env_vars": 3}'])
def test_variables_that_cannot_be_read_are_not_skipped(conda_prefix: Prefix, content: str) -> None:
    (conda_prefix.path / "conda-meta" / "state").write_text(content, encoding="utf-8")

    with pytest.raises(ProvisioningError, match=r"state.*Mend or remove"):
        conda_variables(conda_prefix)
