"""Local packages: folders that hold a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._spec.local import LocalRequirement, parse_local
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHERE = '"local"[0]'


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str, file: str = "pyproject.toml") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / file).touch()
        return folder

    return make


@pytest.mark.parametrize("file", ["pyproject.toml", "setup.py", "setup.cfg"])
def test_a_folder_with_a_project_file_is_a_package(
    file: str, project: Callable[[str, str], Path], tmp_path: Path
) -> None:
    project("My Package (é)", file)
    entry = {"name": "My_Package", "path": "My Package (é)"}
    assert LocalRequirement("my-package", "My Package (é)") == parse_local(entry, tmp_path, WHERE)


def test_a_package_below_the_base_is_recorded_the_same_however_it_was_written(
    project: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = project("libs/package")
    spellings = ["libs/package", "./libs/package/", "libs/x/../package", folder, str(folder)]
    recorded = {parse_local({"name": "package", "path": path}, tmp_path, WHERE).path for path in spellings}
    assert {"libs/package"} == recorded


def test_a_package_beside_the_base_stays_relative_when_written_so(
    project: Callable[[str], Path], tmp_path: Path
) -> None:
    project("package")
    base = tmp_path / "application"
    requirement = parse_local({"name": "package", "path": "../package"}, base, WHERE)
    assert "../package" == requirement.path
    assert tmp_path / "package" == requirement.folder(base)


def test_an_absolute_path_elsewhere_stays_absolute(project: Callable[[str], Path], tmp_path: Path) -> None:
    folder = project("package")
    requirement = parse_local({"name": "package", "path": folder}, tmp_path / "application", WHERE)
    assert folder.as_posix() == requirement.path


def test_a_relative_path_to_another_drive_is_recorded_absolute(
    project: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project("package")

    def no_relative_path(path: object, start: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr("os.path.relpath", no_relative_path)
    requirement = parse_local({"name": "package", "path": "../package"}, tmp_path / "application", WHERE)
    assert folder.as_posix() == requirement.path


def test_the_base_itself_can_be_the_package(project: Callable[[str], Path]) -> None:
    folder = project("package")
    requirement = parse_local({"name": "package", "path": folder, "editable": False}, folder, WHERE)
    assert LocalRequirement("package", ".", editable=False) == requirement
    assert folder == requirement.folder(folder)


@pytest.mark.parametrize(
    "entry, reason",
    [
        ("package", "must be a dict"),
        ({"path": "package"}, 'has no "name"'),
        ({"name": "package"}, 'has no "path"'),
        ({"name": "package", "path": "package", "editible": True}, "Did you mean 'editable'"),
        ({"name": "package", "path": "package", "editable": 1}, "must be True or False"),
        ({"name": "package>=1", "path": "package"}, "not the name of a package"),
        ({"name": "", "path": "package"}, "is empty"),
        ({"name": 1, "path": "package"}, "must be text"),
        ({"name": "package", "path": 1}, "must be text or a Path"),
        ({"name": "package", "path": ""}, "is empty"),
        ({"name": "package", "path": "pack\0age"}, "NUL"),
        ({"name": "package", "path": "pack\udce9"}, "half of a character"),
        ({"name": "package", "path": "nowhere"}, "nothing is there"),
        ({"name": "package", "path": "x" * 4000}, "nothing is there"),
        ({"name": "package", "path": "package/pyproject.toml"}, "a file is there"),
        ({"name": "package", "path": "package/src"}, "Name the folder of the project"),
    ],
)
def test_an_entry_that_is_no_package_is_refused_with_the_reason(
    entry: object, reason: str, project: Callable[[str], Path], tmp_path: Path
) -> None:
    (project("package") / "src").mkdir()
    with pytest.raises(InvalidDependencyError, match=reason):
        parse_local(entry, tmp_path, WHERE)


def test_people_read_where_it_is() -> None:
    assert "package at libs/package (editable)" == LocalRequirement("package", "libs/package").text
    assert "package at libs/package" == LocalRequirement("package", "libs/package", editable=False).text
