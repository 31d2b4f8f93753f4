from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.existing import adopt
from wetlands._backends.prefix import Prefix
from wetlands._platform.layout import pythons
from wetlands.exceptions import EnvironmentNotFoundError, UnsupportedPythonError

if TYPE_CHECKING:
    from wetlands._platform.layout import PrefixKind


def make(folder: Path, kind: PrefixKind, version: str = "3.11.7") -> Prefix:
    """Make a prefix with an interpreter that is only a file."""
    python = pythons(folder, kind)[0]
    python.parent.mkdir(parents=True)
    python.touch()
    if kind == "venv":
        (folder / "pyvenv.cfg").write_text(f"version = {version}\n", encoding="utf-8")
    else:
        (folder / "conda-meta").mkdir()
        (folder / "conda-meta" / f"python-{version}-h1_0.json").touch()
    return Prefix(folder, python, kind)


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_an_environment_is_opened_by_its_folder_or_its_interpreter(tmp_path: Path, kind: PrefixKind) -> None:
    expected = make(tmp_path / "é (1)", kind)

    assert expected == adopt(expected.path)
    assert expected == adopt(expected.python)


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make(tmp_path / "env", "venv")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    assert expected == adopt(Path("../env"))


def test_a_link_to_an_environment_stays_a_link(tmp_path: Path) -> None:
    make(tmp_path / "env-1", "venv")
    (tmp_path / "current").symlink_to("env-1")

    assert tmp_path / "current" == adopt(tmp_path / "current").path


@pytest.mark.parametrize("asked", [".", "pixi.toml", "pyproject.toml"])
def test_a_pixi_workspace_is_opened_by_its_folder_or_its_manifest(tmp_path: Path, asked: str) -> None:
    expected = make(tmp_path / ".pixi" / "envs" / "default", "conda")
    other = make(tmp_path / ".pixi" / "envs" / "gpu", "conda")
    for manifest in ("pixi.toml", "pyproject.toml"):
        (tmp_path / manifest).touch()

    assert expected == adopt(tmp_path / asked)
    assert other == adopt(tmp_path / asked, pixi_environment="gpu")


def test_an_environment_missing_from_a_pixi_workspace_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    make(tmp_path / ".pixi" / "envs" / "gpu", "conda")
    (tmp_path / "pixi.toml").touch()

    with pytest.raises(EnvironmentNotFoundError, match=r"'default' \(installed: gpu\)\. Run `pixi install`"):
        adopt(tmp_path / "pixi.toml")


def test_a_path_that_does_not_exist_is_told_from_how_far_it_does(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="does not exist") as refused:
        adopt(tmp_path / "a" / "b")

    assert f"({tmp_path} does)" in str(refused.value)


def test_a_folder_that_is_no_environment_is_described(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"file-{number:02}").touch()

    with pytest.raises(EnvironmentNotFoundError, match=r"neither pyvenv.cfg .* it has file-00, .* and 4 more"):
        adopt(tmp_path)


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="it is empty"):
        adopt(tmp_path)


def test_a_venv_whose_python_was_removed_names_where_it_was(tmp_path: Path) -> None:
    prefix = make(tmp_path / "env", "venv")
    prefix.python.unlink()
    prefix.python.symlink_to(tmp_path / "removed" / "python3")

    with pytest.raises(EnvironmentNotFoundError, match=r"broken.*removed.*make the environment anew"):
        adopt(prefix.path)


@pytest.mark.parametrize(
    "kind, expected", [("venv", "virtual environment without Python"), ("conda", "Install the package python")]
)
def test_an_environment_without_python_is_refused(tmp_path: Path, kind: PrefixKind, expected: str) -> None:
    prefix = make(tmp_path / "env", kind)
    prefix.python.unlink()

    with pytest.raises(EnvironmentNotFoundError, match=expected):
        adopt(prefix.path)


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_a_python_that_no_worker_runs_on_is_refused_with_the_reason(tmp_path: Path, kind: PrefixKind) -> None:
    prefix = make(tmp_path / "env", kind, version="3.7.16")

    with pytest.raises(UnsupportedPythonError, match=r"has Python 3\.7\.16, and workers need 3\.8 or newer"):
        adopt(prefix.path)
