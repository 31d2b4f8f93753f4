"""The variables of a recipe, from the build to the activation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.prefix import Prefix
from wetlands._backends.recipe_variables import RECIPE_VARIABLES, write_recipe_variables
from wetlands._launch.activation import conda_variables

if TYPE_CHECKING:
    from typing import Literal


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_what_a_build_writes_an_activation_finds(kind: Literal["venv", "conda"], tmp_path: Path) -> None:
    write_recipe_variables(tmp_path, [("A", "é b"), ("B", "")])

    assert {"A": "é b", "B": ""} == conda_variables(Prefix(tmp_path, Path(sys.executable), kind))


def test_a_recipe_without_variables_leaves_no_file(tmp_path: Path) -> None:
    write_recipe_variables(tmp_path, [])

    assert [] == list(tmp_path.iterdir())


def test_the_recipe_has_the_last_word_over_packages(tmp_path: Path) -> None:
    write_recipe_variables(tmp_path, [("A", "recipe")])
    (tmp_path / RECIPE_VARIABLES.parent / "zlib.json").write_text('{"A": "package", "B": "package"}')

    assert {"A": "recipe", "B": "package"} == conda_variables(Prefix(tmp_path, Path(sys.executable), "conda"))
