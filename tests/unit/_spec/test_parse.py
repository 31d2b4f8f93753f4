"""Whole recipes turned into specs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from wetlands._spec import Spec, parse, parse_conda, parse_pypi, parse_python
from wetlands._spec.local import LocalRequirement
from wetlands.exceptions import IncompatibilityException, InvalidDependencyError, UnsupportedPythonError

if TYPE_CHECKING:
    from wetlands._spec import Commands, Dependencies

BASE = Path("nowhere")


def spec_of(dependencies: object, commands: object = None, platform: str = "linux-64", base: Path = BASE) -> Spec:
    """Parse what a program without a type checker may hand in."""
    return parse(
        cast("Dependencies | None", dependencies),
        commands=cast("Commands | None", commands),
        platform=platform,
        base=base,
    )


def test_every_part_of_a_recipe_arrives_in_the_spec(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()
    dependencies: Dependencies = {
        "python": "3.11",
        "conda": ["numpy=1.26", {"name": "bioconda::samtools", "dependencies": False}],
        "channels": ["bioconda/"],
        "pip": ["Cellpose>=3", {"name": "stardist", "platforms": ["linux-64"], "dependencies": False}],
        "local": [{"name": "mine", "path": tmp_path, "editable": False}],
    }
    expected = Spec(
        python=parse_python("3.11"),
        conda=(parse_conda("bioconda::samtools", dependencies=False), parse_conda("numpy=1.26")),
        channels=("bioconda", "conda-forge"),
        pypi=(parse_pypi("cellpose>=3"), parse_pypi("stardist", dependencies=False)),
        local=(LocalRequirement("mine", ".", editable=False),),
        commands=("echo all", "echo linux"),
    )
    commands: Commands = {"linux": ["echo linux"], "all": ["echo all"]}
    assert expected == parse(dependencies, commands=commands, platform="linux-64", base=tmp_path)


@pytest.mark.parametrize("dependencies", [None, {}, {"pip": []}, {"conda": (), "python": "*"}])
def test_a_recipe_may_ask_for_nothing(dependencies: object) -> None:
    assert Spec() == spec_of(dependencies)


@pytest.mark.parametrize(
    "dependencies, reason",
    [
        ([], "must be a dict such as"),
        ("numpy", "must be a dict such as"),
        (1, "must be a dict such as"),
        ({"pypi": ["numpy"]}, r"unknown key 'pypi'\. Did you mean 'pip'"),
        ({"channel": ["bioconda"]}, "Did you mean 'channels'"),
        ({"Python": "3.11"}, "Did you mean 'python'"),
        ({"zzz": []}, "Known: 'python', 'conda', 'channels', 'pip', 'local'"),
        ({1: []}, "a key must be text"),
        ({"pip": "numpy"}, r'"pip" must be a list, not a text\. Write \[\'numpy\'\]'),
        ({"pip": None}, '"pip" must be a list, not None'),
        ({"pip": {"name": "numpy"}}, '"pip" must be a list'),
        ({"pip": {"numpy"}}, '"pip" must be a list'),
        ({"pip": ["numpy", 1]}, r'"pip"\[1\] must be text or a dict with "name"'),
        ({"pip": [None]}, r'"pip"\[0\] must be text or a dict'),
        ({"pip": [""]}, r'"pip"\[0\] is empty'),
        ({"pip": ["--index-url=https://host"]}, "is an option of a tool"),
        ({"pip": ["-e ."]}, 'a local package goes in "local"'),
        ({"pip": ["numpy\n--pre"]}, "control character"),
        ({"pip": ["n" * 5000]}, "too long"),
        ({"pip": [{"name": "--pre"}]}, "is an option of a tool"),
        ({"conda": ["--override-channels"]}, "is an option of a tool"),
        ({"conda": ["-c evil"]}, "is an option of a tool"),
        ({"pip": ["conda-forge::numpy"]}, r'"pip"\[0\]: \'conda-forge::numpy\' names a conda channel'),
        ({"conda": ["numpy=="]}, r'"conda"\[0\]: \'numpy==\' is not a conda requirement'),
        ({"pip": [{}]}, 'has no "name"'),
        ({"pip": [{"name": 1}]}, '"name" of "pip"'),
        ({"pip": [{"name": "a", "platform": ["linux-64"]}]}, "Did you mean 'platforms'"),
        ({"pip": [{"name": "a", "platforms": "linux-64"}]}, r"Write \['linux-64'\]"),
        ({"pip": [{"name": "a", "platforms": []}]}, "excludes every machine"),
        (
            {"pip": [{"name": "a", "platforms": ["linux-x64"]}]},
            r"Did you mean 'linux-64'\? Known: linux-64, linux-aarch64",
        ),
        ({"pip": [{"name": "a", "platforms": [64]}]}, "must be text"),
        ({"pip": [{"name": "a", "optional": "yes"}]}, '"optional" of "pip".* must be True or False'),
        ({"pip": [{"name": "a", "dependencies": 0}]}, '"dependencies" of "pip".* must be True or False'),
        ({"channels": "bioconda"}, r"Write \['bioconda'\]"),
        ({"channels": [1]}, "must be text"),
        ({"channels": ["-c"]}, "is an option of a tool"),
        ({"channels": ["bio::conda"]}, "name, folder or address of a conda channel"),
        ({"channels": ["$(reboot)"]}, "name, folder or address of a conda channel"),
        ({"channels": ["nodefaults"], "conda": ["numpy"]}, "nowhere to be found"),
        ({"local": {}}, '"local" must be a list'),
        ({"local": [{"name": "a", "path": "nowhere at all"}]}, "nothing is there"),
    ],
)
def test_a_recipe_that_cannot_be_understood_is_refused_with_the_place_and_the_reason(
    dependencies: object, reason: str
) -> None:
    with pytest.raises(InvalidDependencyError, match=reason):
        spec_of(dependencies)


def test_an_error_in_the_commands_names_their_parameter() -> None:
    with pytest.raises(InvalidDependencyError, match="additional_install_commands must be a list"):
        spec_of({}, commands="echo a")


def test_two_places_for_one_local_package_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "setup.cfg").touch()
    twice = {"local": [{"name": "mine", "path": "a"}, {"name": "Mine", "path": "b"}]}
    with pytest.raises(InvalidDependencyError, match=r"twice and differently: mine at a .*; mine at b"):
        spec_of(twice, base=tmp_path)


@pytest.mark.parametrize("section", ["pip", "conda"])
def test_a_requirement_of_another_platform_is_left_out_when_optional(section: str) -> None:
    entry = {"name": "cupy", "platforms": ["linux-64", "win-64"], "optional": True}
    assert Spec() == spec_of({section: [entry]}, platform="osx-arm64")
    assert Spec() != spec_of({section: [entry]}, platform="linux-64")


@pytest.mark.parametrize("section", ["pip", "conda"])
def test_a_required_one_of_another_platform_is_an_error_naming_both(section: str) -> None:
    entry = {"name": "cupy>=13", "platforms": ["win-64", "linux-arm64"]}
    with pytest.raises(IncompatibilityException) as caught:
        spec_of({section: [entry]}, platform="osx-arm64")
    failure = caught.value
    assert ("cupy>=13", "osx-arm64", ("linux-aarch64", "win-64")) == (
        failure.requirement,
        failure.platform,
        failure.platforms,
    )


def test_linux_arm64_is_another_name_of_linux_aarch64() -> None:
    spec = spec_of({"pip": [{"name": "a", "platforms": ["linux-arm64"]}]}, platform="linux-aarch64")
    assert spec_of({"pip": ["a"]}) == spec


def test_what_another_platform_needs_is_checked_here_too() -> None:
    entry = {"name": "conda-forge::a", "platforms": ["win-64"], "optional": True}
    with pytest.raises(InvalidDependencyError, match='belongs in "conda"'):
        spec_of({"pip": [entry]}, platform="linux-64")


@pytest.mark.parametrize("optional", [True, False])
def test_optional_without_platforms_changes_nothing(optional: bool) -> None:
    assert spec_of({"pip": ["a"]}) == spec_of({"pip": [{"name": "a", "optional": optional}]})


@pytest.mark.parametrize(
    "dependencies, channels",
    [
        ({"pip": ["a"]}, ()),
        ({"conda": ["a"]}, ("conda-forge",)),
        ({"conda": ["a"], "channels": ["b", "a", "b"]}, ("b", "a", "conda-forge")),
        ({"conda": ["a"], "channels": ["conda-forge", "b"]}, ("conda-forge", "b")),
        ({"conda": ["a"], "channels": ["b", "nodefaults"]}, ("b",)),
        ({"conda": ["own::a"], "channels": ["nodefaults"]}, ()),
        ({"channels": ["b"]}, ("b", "conda-forge")),
        ({"channels": ["nodefaults"]}, ()),
        ({"conda": ["a"], "channels": ["https://host/my%20channel/"]}, ("https://host/my%20channel", "conda-forge")),
        ({"channels": ["/srv/my channel (1)", "nodefaults"]}, ("/srv/my channel (1)",)),
        ({"conda": [{"name": "a", "platforms": ["win-64"], "optional": True}]}, ()),
    ],
)
def test_channels_are_searched_before_the_default(dependencies: object, channels: tuple[str, ...]) -> None:
    assert channels == spec_of(dependencies).channels


@pytest.mark.parametrize(
    "dependencies, expected",
    [({"pip": ["a"]}, False), ({"conda": ["a"]}, True), ({"channels": ["a"]}, True), ({}, False)],
)
def test_a_recipe_knows_whether_it_needs_conda(dependencies: object, expected: bool) -> None:
    assert expected == spec_of(dependencies).has_conda


@pytest.mark.parametrize("python", ["python=3.7", "python 3.7.*|3.6.*", "python<3.8"])
def test_a_python_too_old_is_refused_among_the_conda_packages_too(python: str) -> None:
    with pytest.raises(UnsupportedPythonError, match="workers cannot run"):
        spec_of({"conda": [python]})


@pytest.mark.parametrize(
    "python", ["python", "python=3.11", "python 3.7.*|3.11.*", "python 3.11.* *_cpython", "python 3.7.*|3.11.*,3.12.*"]
)
def test_other_pythons_among_the_conda_packages_are_left_to_the_solver(python: str) -> None:
    assert (parse_conda(python),) == spec_of({"conda": [python]}).conda


def test_markers_are_kept_for_the_installer() -> None:
    spec = spec_of({"pip": ["tomli ; python_version < '3.11' and sys_platform == 'win32'"]})
    assert ('python_version < "3.11" and sys_platform == "win32"',) == tuple(entry.marker for entry in spec.pypi)
