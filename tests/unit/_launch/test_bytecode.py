"""Where the bytecode of the worker package is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wetlands._launch.bytecode import bytecode_folder
from wetlands._launch.command import WORKER_PACKAGE, guardian_command, template_command, worker_command
from wetlands._platform.cache import cache_folder

CACHE = Path("cache")
OURS = CACHE / "wetlands" / "bytecode"


def test_beside_the_package_where_python_keeps_it(tmp_path: Path) -> None:
    assert bytecode_folder({}, package=tmp_path, cache=CACHE) is None
    (tmp_path / "__pycache__").mkdir()
    assert bytecode_folder({"PYTHONDONTWRITEBYTECODE": ""}, package=tmp_path, cache=CACHE) is None


def test_in_the_cache_of_the_user_where_python_would_keep_none(tmp_path: Path) -> None:
    assert OURS == bytecode_folder({"PYTHONDONTWRITEBYTECODE": "1"}, package=tmp_path, cache=CACHE)


def test_in_the_cache_of_the_user_where_the_installation_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def refuse(path: Path, _mode: int) -> bool:
        asked.append(path)
        return False

    monkeypatch.setattr(os, "access", refuse)
    assert OURS == bytecode_folder({}, package=tmp_path, cache=CACHE)
    (tmp_path / "__pycache__").mkdir()
    assert OURS == bytecode_folder({}, package=tmp_path, cache=CACHE)
    assert [tmp_path, tmp_path / "__pycache__"] == asked


@pytest.mark.parametrize(
    "variables, system, platform, folder",
    [
        ({"XDG_CACHE_HOME": "/xdg"}, "posix", "linux", Path("/xdg")),
        ({"XDG_CACHE_HOME": ""}, "posix", "linux", Path.home() / ".cache"),
        ({}, "posix", "darwin", Path.home() / "Library" / "Caches"),
        ({"LOCALAPPDATA": "C:/local"}, "windows", "win32", Path("C:/local")),
        ({}, "windows", "win32", Path.home() / "AppData" / "Local"),
    ],
)
def test_each_system_has_its_place_for_caches(
    variables: dict[str, str], system: str, platform: str, folder: Path
) -> None:
    assert folder == cache_folder(variables, system=system, platform=platform)  # type: ignore[arg-type]  # a Literal


def test_commands_name_the_folder_only_if_there_is_one() -> None:
    python, package = Path("python"), str(WORKER_PACKAGE)
    option = ["-X", "wetlands_bytecode=kept here"]
    kept = Path("kept here")
    assert ["python", package, "3", "4", "p", "s", "n", "i"] == worker_command(python, (3, 4), ("p", "s"), "n", "i")
    assert ["python", *option, package, "3", "4", "p", "s", "n", "i"] == worker_command(
        python, (3, 4), ("p", "s"), "n", "i", kept
    )
    assert ["python", *option, package, "template", "5"] == template_command(python, 5, kept)
    assert "-I" in guardian_command(python, 1)
