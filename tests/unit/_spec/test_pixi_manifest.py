from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wetlands._spec import Spec, differences
from wetlands._spec.pixi_manifest import ProjectWanted, pixi_manifest
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.pixi_manifest import PixiManifest

TEXT = """
[workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
description = "about"
[tasks]
test = "pytest"
[dependencies]
python = "3.12.*"
[feature.cuda.dependencies]
pytorch-gpu = "*"
[feature.cuda.tasks]
train = "python train.py"
[environments]
cuda = ["cuda"]
bare = { features = [], no-default-feature = true }
"""


def read(text: str = TEXT, file: str = "pixi.toml", **options: object) -> PixiManifest:
    manifest = pixi_manifest(text, file, **options)  # type: ignore[arg-type]
    assert manifest is not None
    return manifest


@pytest.mark.parametrize("name, expected", [("cuda", "cuda"), ("mine", "default"), ("default", "default")])
def test_the_environment_of_the_name_is_taken_where_there_is_one(name: str, expected: str) -> None:
    assert expected == read(name=name).environment


def test_what_changes_nothing_that_is_installed_is_no_part_of_the_identity() -> None:
    changed = TEXT.replace('"about"', '"otherwise"').replace("train.py", "other.py").replace("pytest", "true")

    assert Spec(manifest=read(changed)).fingerprint == Spec(manifest=read()).fingerprint
    assert Spec(manifest=read(TEXT.replace("3.12", "3.13"))).fingerprint != Spec(manifest=read()).fingerprint


def test_further_features_make_an_environment_of_their_own() -> None:
    manifest = read(name="bare", features=["cuda"], project=ProjectWanted("mine", ".", editable=True))

    document = json.loads(manifest.document)
    assert "wetlands-wanted" == manifest.environment
    expected = {"features": ["cuda", "wetlands-wanted"], "no-default-feature": True}
    assert expected == document["environments"]["wetlands-wanted"]
    assert {"mine": {"path": ".", "editable": True}} == document["feature"]["wetlands-wanted"]["pypi-dependencies"]


def test_a_feature_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidDependencyError, match=r"no feature .?nothing.?\. Features: cuda\."):
        read(features=["nothing"])


def test_a_pyproject_is_taken_only_with_a_workspace_in_it() -> None:
    assert pixi_manifest('[project]\nname = "mine"\n', "pyproject.toml") is None

    text = (
        '[project]\nname = "mine"\nreadme = "README.md"\ndependencies = ["six"]\n[build-system]\nrequires = []\n'
        '[tool.ruff]\nline-length = 100\n[tool.pixi.workspace]\nchannels = []\nplatforms = ["linux-64"]\n'
    )
    assert {
        "project": {"name": "mine", "dependencies": ["six"]},
        "tool": {"pixi": {"workspace": {"channels": [], "platforms": ["linux-64"]}}},
    } == json.loads(read(text, "pyproject.toml").document)


def test_credentials_are_refused() -> None:
    with pytest.raises(InvalidDependencyError, match="credentials in clear"):
        read(TEXT.replace('"conda-forge"', '"https://me:s3cret@host/private"'))


def test_a_recipe_with_a_manifest_survives_being_stored() -> None:
    spec = Spec(commands=("echo",), manifest=read(name="cuda"))

    assert spec == Spec.from_json(json.loads(json.dumps(spec.to_json())))
    assert ("the recipe is no longer a manifest of pixi",) == differences(spec, Spec(commands=("echo",)))
    assert ("environment 'cuda' of the manifest is now 'default'",) == differences(
        spec, Spec(commands=("echo",), manifest=read())
    )
    changed = Spec(commands=("echo",), manifest=read(TEXT.replace("3.12", "3.13"), name="cuda"))
    assert ("pixi.toml changed",) == differences(spec, changed)
