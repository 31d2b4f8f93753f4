from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._platform.layout import (
    find_site_packages,
    path_entries,
    prefix_of_python,
    pythons,
    scripts,
    standalone_pythons,
)
from wetlands._platform.system import is_native

if TYPE_CHECKING:
    from wetlands._platform.layout import (
        PrefixKind,
    )
    from wetlands._platform.system import System

PREFIX = Path("/envs/é (1)")


@pytest.mark.parametrize(
    "system, kind, expected",
    [
        ("posix", "venv", "bin/python"),
        ("posix", "conda", "bin/python"),
        ("windows", "venv", "Scripts/python.exe"),
        ("windows", "conda", "python.exe"),
    ],
)
def test_the_interpreter_lies_where_each_kind_of_prefix_has_it(system: System, kind: PrefixKind, expected: str) -> None:
    assert PREFIX / expected == pythons(PREFIX, kind, system=system)[0]


@pytest.mark.parametrize("system, expected", [("posix", "bin"), ("windows", "Scripts")])
def test_commands_of_packages_lie_where_each_system_has_them(system: System, expected: str) -> None:
    assert PREFIX / expected == scripts(PREFIX, system=system)


@pytest.mark.parametrize(
    "system, kind, expected",
    [
        ("posix", "venv", ["bin"]),
        ("posix", "conda", ["bin"]),
        ("windows", "venv", ["Scripts"]),
        ("windows", "conda", ["", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts", "bin"]),
    ],
)
def test_an_activated_path_begins_with_what_each_kind_of_prefix_needs(
    system: System, kind: PrefixKind, expected: list[str]
) -> None:
    assert [PREFIX / entry for entry in expected] == list(path_entries(PREFIX, kind, system=system))


@pytest.mark.parametrize(
    "system, python",
    [
        ("posix", "bin/python3"),
        ("windows", "Scripts/python.exe"),
        ("windows", "scripts/python.exe"),
        ("windows", "python.exe"),
    ],
)
def test_an_interpreter_tells_its_prefix(system: System, python: str) -> None:
    assert PREFIX == prefix_of_python(PREFIX / python, system=system)


def test_site_packages_are_found_once_whatever_links_lie_beside_them(tmp_path: Path) -> None:
    real = tmp_path / "lib" / "python3.11" / "site-packages"
    real.mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "lib" / "python3.1").symlink_to("python3.11")

    assert (real,) == find_site_packages(tmp_path, system="posix")


def test_site_packages_of_windows_lie_in_lib(tmp_path: Path) -> None:
    real = tmp_path / "Lib" / "site-packages"
    real.mkdir(parents=True)

    assert (real,) == find_site_packages(tmp_path, system="windows")


def test_a_prefix_without_packages_has_no_site_packages(tmp_path: Path) -> None:
    assert () == find_site_packages(tmp_path, system="posix")


@pytest.mark.parametrize("system, inside", [("posix", "bin"), ("windows", ".")])
def test_interpreters_of_a_version_manager_lie_in_one_folder_each(system: System, inside: str, tmp_path: Path) -> None:
    expected = [tmp_path / version / inside for version in ("3.11.7", "3.9.18")]
    for folder in expected:
        folder.mkdir(parents=True)
    (tmp_path / "notes.txt").touch()

    assert expected == list(standalone_pythons(tmp_path, system=system))


@pytest.mark.parametrize(
    "processor, machine, expected",
    [
        ("x86_64", "AMD64", True),
        ("aarch64", "arm64", True),
        ("", "arm64", True),
        ("x86_64", "arm64", False),
        ("x86", "AMD64", False),
    ],
)
def test_a_processor_is_native_under_each_of_its_names(processor: str, machine: str, expected: bool) -> None:
    assert expected is is_native(processor, machine=machine)
