"""Config files on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._spec.config import from_config
from wetlands._spec.config.source import read_text
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_that_tools_write(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes("six  # é\r\n".encode(encoding))

    assert ["six"] == [entry.text for entry in from_config(path, platform="linux-64", environ={}).spec.pypi]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))

    with pytest.raises(InvalidDependencyError, match="is not text in UTF-8"):
        read_text(tmp_path / "latin")
    with pytest.raises(InvalidDependencyError, match="is a folder"):
        read_text(tmp_path)
    with pytest.raises(InvalidDependencyError, match="There is no file"):
        read_text(tmp_path / "nothing")
    with pytest.raises(InvalidDependencyError, match="cannot be read"):
        read_text(tmp_path / "a\0b")


@pytest.mark.parametrize("names", [["a", 1], "gui", {"gui": True}, 1])
def test_optional_dependencies_are_a_list_of_texts(names: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidDependencyError, match="optional_dependencies"):
        from_config(tmp_path / "pyproject.toml", optional=names, platform="linux-64", environ={})


def test_the_project_takes_the_place_of_what_the_file_says_of_it(tmp_path: Path) -> None:
    text = """
[project]
name = "mine"
[tool.pixi.workspace]
channels = ["c"]
[tool.pixi.pypi-dependencies]
mine = { path = ".", editable = true }
"""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")

    spec = from_config(tmp_path / "pyproject.toml", platform="linux-64", environ={}, install_project=True).spec

    assert [("mine", ".", False)] == [(entry.name, entry.path, entry.editable) for entry in spec.local]


def test_extras_that_only_the_build_knows_are_left_to_it(tmp_path: Path) -> None:
    text = '[project]\nname = "mine"\ndynamic = ["dependencies", "optional-dependencies"]\n'
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")

    spec = from_config(path, platform="linux-64", environ={}, optional=["gui"], install_project=True).spec

    assert ("gui",) == spec.local[0].extras
    assert () == spec.pypi
