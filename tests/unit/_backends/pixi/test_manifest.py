from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._backends.conda_words import Channels
from wetlands._backends.pixi.manifest import generated, left_to_uv, merged, system_requirements, without_mapping
from wetlands._backends.pixi.toml import toml_text
from wetlands._spec import PypiSettings, Spec, parse, parse_pypi
from wetlands._spec.toml import toml_document
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.pixi.manifest import Document
    from wetlands._spec import Dependencies


def manifest(recipe: Dependencies, base: Path, **variables: str) -> Document:
    spec = parse(recipe, platform="linux-64", base=base)
    env = {"HOME": str(base), **variables}
    return generated(spec, Channels.of(env, base), base, platform="linux-64")


def test_a_recipe_becomes_one_manifest(tmp_path: Path) -> None:
    project = tmp_path / "my project (é)"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\n')

    found = manifest(
        {
            "python": "3.12",
            "conda": ["numpy>=1.26,<2", "bioconda::samtools", "torch 2.* cuda*"],
            "channels": ["./mine", "bioconda"],
            "pip": ["cellpose[gui]==3.1 ; sys_platform == 'linux'", "six", "x @ git+https://host/o/r.git@abc"],
            "local": [{"name": "mine", "path": str(project), "editable": True}],
        },
        tmp_path,
    )

    assert {
        "workspace": {
            "name": "wetlands",
            "channels": [(tmp_path / "mine").as_uri(), "bioconda", "conda-forge"],
            "platforms": ["linux-64"],
            "channel-priority": "strict",
        },
        "dependencies": {
            "python": "3.12.*",
            "numpy": ">=1.26,<2",
            "samtools": {"version": "*", "channel": "bioconda"},
            "torch": {"version": "2.*", "build": "cuda*"},
        },
        "pypi-dependencies": {
            "cellpose": {"version": "==3.1", "extras": ["gui"], "env-markers": 'sys_platform == "linux"'},
            "six": "*",
            "x": {"git": "https://host/o/r.git", "rev": "abc"},
            "mine": {"path": str(project), "editable": True},
        },
        "pypi-options": {},
    } == found
    assert found == {"pypi-options": {}, **toml_document(toml_text(found))}


def test_a_recipe_of_pypi_packages_has_python_from_the_default_channel(tmp_path: Path) -> None:
    found = manifest({"pip": ["six>=1"]}, tmp_path)

    assert {"python": ">=3.8"} == found["dependencies"]
    assert {"six": ">=1"} == found["pypi-dependencies"]


def test_an_alias_says_where_the_names_of_channels_lie(tmp_path: Path) -> None:
    found = manifest({"conda": ["a"]}, tmp_path, CONDA_CHANNEL_ALIAS="https://mirror.example/conda")

    assert ["https://mirror.example/conda/conda-forge"] == found["workspace"]["channels"]  # type: ignore[index]


def test_several_requirements_on_one_package_hold_together(tmp_path: Path) -> None:
    found = manifest({"conda": ["numpy>=1.26", "numpy<2|>3"]}, tmp_path)

    assert {"python": ">=3.8", "numpy": "(<2|>3),>=1.26"} == found["dependencies"]
    with pytest.raises(ProvisioningError, match=r"'numpy' is wanted of two builds: a\* and b\*"):
        manifest({"conda": ["numpy 1.* a*", "numpy 1.* b*"]}, tmp_path)


def test_settings_for_pypi_are_said_in_the_words_of_pixi(tmp_path: Path) -> None:
    settings = PypiSettings(
        index_url="https://index.example/simple",
        find_links=("wheels", "https://links.example"),
        no_binary=(":all:",),
        only_binary=("numpy",),
        prerelease="allow",
        overrides=("six==1.0",),
    )
    spec = Spec(pypi=(parse_pypi("six"),), settings=settings)

    found = generated(spec, Channels.of({"HOME": str(tmp_path)}, tmp_path), tmp_path, platform="linux-64")

    assert {
        "index-url": "https://index.example/simple",
        "find-links": [{"path": str(tmp_path / "wheels")}, {"url": "https://links.example"}],
        "prerelease-mode": "allow",
        "no-binary": True,
        "no-build": ["numpy"],
        "dependency-overrides": {"six": "==1.0"},
    } == found["pypi-options"]


def test_the_machine_is_said_as_far_as_packages_may_ask_for_it() -> None:
    linux = {"__unix": "0", "__linux": "6.1", "__glibc": "2.36", "__cuda": "12.4", "__archspec": "1"}

    expected = {"cuda": "12.4", "linux": "6.1", "libc": {"family": "glibc", "version": "2.36"}}
    assert expected == system_requirements(linux)
    assert {"macos": "14.5"} == system_requirements({"__unix": "0", "__osx": "14.5"})
    assert {} == system_requirements({"__win": "0"})


def test_without_a_network_names_on_pypi_are_not_asked_for(tmp_path: Path) -> None:
    found = without_mapping(manifest({"conda": ["a"]}, tmp_path))

    assert {} == found["workspace"]["conda-pypi-map"]  # type: ignore[index]
    assert found == toml_document(toml_text(found))


@pytest.mark.parametrize(
    "spec, reason",
    [
        (Spec(constraints=(parse_pypi("six<2"),)), "constraints"),
        (Spec(settings=PypiSettings(require_hashes=True)), "hashes"),
        (Spec(settings=PypiSettings(no_index=True)), "without an index"),
        (Spec(settings=PypiSettings(index_url="https://${TOKEN}@host/simple")), "variables"),
        (Spec(pypi=(parse_pypi("a ; os_name == 'nt'"), parse_pypi("a>1 ; os_name != 'nt'"))), "several"),
        (Spec(settings=PypiSettings(overrides=("a ; os_name == 'nt'",))), "overrides"),
        (Spec(pypi=(parse_pypi("a @ https://host/a.zip#subdirectory=x"),)), "fragments"),
    ],
)
def test_what_a_manifest_cannot_say_is_left_to_uv_and_said(tmp_path: Path, spec: Spec, reason: str) -> None:
    assert reason in left_to_uv(spec)
    found = generated(spec, Channels.of({"HOME": str(tmp_path)}, tmp_path), tmp_path, platform="linux-64")
    assert {"workspace", "dependencies"} == set(found)


def test_what_is_added_joins_what_is_there(tmp_path: Path) -> None:
    first = manifest({"conda": ["a>1", "b"]}, tmp_path)

    found = merged(first, manifest({"conda": ["a>2"], "channels": ["more"], "pip": ["six"]}, tmp_path))

    assert {"python": ">=3.8", "a": ">2", "b": "*"} == found["dependencies"]
    assert {"six": "*"} == found["pypi-dependencies"]
    assert ["conda-forge", "more"] == found["workspace"]["channels"]  # type: ignore[index]
