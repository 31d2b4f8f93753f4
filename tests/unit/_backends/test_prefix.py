from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._backends.prefix import Prefix, python_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "line, expected",
    [
        ("version = 3.11.7", "3.11.7"),
        ("version_info = 3.12.1", "3.12.1"),
        ("version_info = 3.8.18.final.0", "3.8.18"),
        ("VERSION=3.14.0rc1", "3.14.0rc1"),
        ("version = unknown", None),
    ],
)
def test_a_virtual_environment_states_its_python(tmp_path: Path, line: str, expected: str | None) -> None:
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\nprompt = a = b\n", encoding="utf-8")

    assert expected == python_version(Prefix(tmp_path, tmp_path / "bin" / "python", "venv"))


def test_a_conda_prefix_states_its_python(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "python-dateutil-2.9.0-py_0.json").touch()
    (tmp_path / "conda-meta" / "python-3.10.14-hd12c33a_0_cpython.json").touch()

    assert "3.10.14" == python_version(Prefix(tmp_path, tmp_path / "bin" / "python", "conda"))


def test_a_prefix_that_states_nothing_is_known_by_its_library(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.9" / "site-packages").mkdir(parents=True)

    assert "3.9" == python_version(Prefix(tmp_path, tmp_path / "bin" / "python", "conda"))


def test_a_prefix_without_anything_has_no_known_version(tmp_path: Path) -> None:
    assert python_version(Prefix(tmp_path, tmp_path / "bin" / "python", "conda")) is None
