"""pixi.toml, and the same in a pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config_files import read, refusal, spec_of, warnings_of
from wetlands._spec import PypiSettings
from wetlands._spec.local import LocalRequirement

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._spec import Spec

HEAD = '[workspace]\nchannels = ["conda-forge"]\nplatforms = ["linux-64", "osx-arm64", "win-64"]\n'
FEATURES = (
    HEAD
    + """\
[dependencies]
python = "3.11.*"
base = "*"
[target.win.dependencies]
base = "==1"
onlywin = "*"
[target.unix.dependencies]
base = "==2"
[target.linux-64.dependencies]
base = "==3"
[target.linux.pypi-dependencies]
linuxpy = "*"
[feature.cuda]
channels = ["nvidia", { channel = "first", priority = 1 }]
[feature.cuda.dependencies]
cuda-toolkit = "12.*"
[feature.cuda.pypi-dependencies]
torch = ">=2"
[feature.test.host-dependencies]
pytest = "*"
[environments]
gpu = ["cuda"]
alone = { features = ["test"], no-default-feature = true }
"""
)


def spec(text: str, **options: object) -> Spec:
    return spec_of("pixi.toml", text, **options)


def conda(found: Spec) -> set[str]:
    return {entry.text for entry in found.conda}


def pypi(found: Spec) -> set[str]:
    return {entry.text for entry in found.pypi}


@pytest.mark.parametrize(
    "environment, packages, channels",
    [
        ("default", {"base ==3"}, ("conda-forge",)),
        ("unknown", {"base ==3"}, ("conda-forge",)),
        ("gpu", {"base ==3", "cuda-toolkit 12.*"}, ("first", "nvidia", "conda-forge")),
        ("alone", {"pytest"}, ("conda-forge",)),
    ],
)
def test_an_environment_is_put_together_from_its_features(
    environment: str, packages: set[str], channels: tuple[str, ...]
) -> None:
    found = spec(FEATURES, environment=environment)

    assert (packages, channels) == (conda(found), found.channels)


def test_features_are_added_when_they_are_asked_for() -> None:
    found = spec(FEATURES, optional=["test", "cuda"])

    assert {"base ==3", "cuda-toolkit 12.*", "pytest"} == conda(found)
    assert {"linuxpy", "torch>=2"} == pypi(found)


def test_an_unknown_feature_is_refused_and_what_there_is_is_listed() -> None:
    message = refusal("pixi.toml", FEATURES, optional=["tests"])

    assert "'tests'. Did you mean 'test'? Features: cuda, test. Environments: gpu, alone." in message


@pytest.mark.parametrize(
    "platform, expected",
    [("linux-64", {"base ==3"}), ("osx-arm64", {"base ==2"}), ("win-64", {"base ==1", "onlywin"})],
)
def test_the_narrowest_target_wins(platform: str, expected: set[str]) -> None:
    assert expected == conda(spec(FEATURES, platform=platform))


@pytest.mark.parametrize(
    "value, expected",
    [
        ('"*"', "numpy"),
        ('">=1.26, <3"', "numpy >=1.26,<3"),
        ('"1.26.*"', "numpy 1.26.*"),
        ('"~=1.26.1"', "numpy >=1.26.1,1.26.*"),
        ('{ version = ">=1.26", channel = "conda-forge" }', "conda-forge::numpy >=1.26"),
        ('{ version = "==1.26.4", build = "py311*" }', "numpy ==1.26.4 py311*"),
        ('{ build = "py311*" }', "numpy * py311*"),
        ("{ }", "numpy"),
    ],
)
def test_every_spelling_of_a_conda_package_is_read(value: str, expected: str) -> None:
    assert {expected} == conda(spec(f"{HEAD}[dependencies]\nnumpy = {value}"))


@pytest.mark.parametrize(
    "value, expected",
    [
        ('"*"', "pandas"),
        ('">=2,<3"', "pandas>=2,<3"),
        ('"2.1"', "pandas==2.1"),
        ('{ version = ">=2", extras = ["excel"] }', "pandas[excel]>=2"),
        ('{ version = "*", env-markers = "sys_platform == \'win32\'" }', 'pandas ; sys_platform == "win32"'),
        ('{ url = "https://host/p-1.0-py3-none-any.whl" }', "pandas @ https://host/p-1.0-py3-none-any.whl"),
        ('{ git = "https://host/p.git", rev = "abc", extras = ["x"] }', "pandas[x] @ git+https://host/p.git@abc"),
        (
            '{ git = "https://host/p.git", branch = "b", subdirectory = "py" }',
            "pandas @ git+https://host/p.git@b#subdirectory=py",
        ),
    ],
)
def test_every_spelling_of_a_pypi_package_is_read(value: str, expected: str) -> None:
    assert {expected} == pypi(spec(f"{HEAD}[pypi-dependencies]\npandas = {value}"))


def test_a_package_may_come_from_one_index_only() -> None:
    (torch,) = spec(f'{HEAD}[pypi-dependencies]\ntorch = {{ version = "*", index = "https://cu/simple" }}').pypi

    assert ("torch", "https://cu/simple") == (torch.text, torch.index)


@pytest.mark.parametrize("editable", [True, False])
def test_a_package_may_lie_in_a_folder(tmp_path: Path, editable: bool) -> None:
    (tmp_path / "src" / "p").mkdir(parents=True)
    (tmp_path / "src" / "p" / "setup.cfg").touch()
    value = f'{{ path = "src", subdirectory = "p", editable = {str(editable).lower()}, extras = ["dev"] }}'

    found = spec(f"{HEAD}[pypi-dependencies]\nmine = {value}", base=tmp_path)

    assert (LocalRequirement("mine", "src/p", editable, ("dev",)),) == found.local


def test_system_requirements_become_virtual_packages() -> None:
    text = HEAD + '[system-requirements]\ncuda = "12"\nlinux = "4.18"\nmacos = "13.0"\nlibc = "2.28"\n'
    table = HEAD + '[feature.x.system-requirements]\nlibc = { family = "glibc", version = "2.28" }\n'

    assert {"__cuda >=12", "__linux >=4.18", "__glibc >=2.28"} == conda(spec(text))
    assert {"__cuda >=12", "__osx >=13.0"} == conda(spec(text, platform="osx-arm64"))
    assert {"__glibc >=2.28"} == conda(spec(table, optional=["x"]))


def test_requirements_on_the_system_may_stand_beside_the_platform() -> None:
    text = (
        '[workspace]\nchannels = ["c"]\nplatforms = ["win-64", { name = "gpu", platform = "linux-64", cuda = "12" }]\n'
    )

    assert {"__cuda >=12"} == conda(spec(text))
    assert set() == conda(spec(text, platform="win-64"))


def test_pypi_options_are_settings() -> None:
    text = (
        HEAD
        + """\
[pypi-options]
index-url = "https://main/"
extra-index-urls = ["https://extra/"]
find-links = [{ path = "./wheels" }, { url = "https://links/" }]
no-build = ["A"]
no-binary = true
no-build-isolation = ["c"]
index-strategy = "unsafe-first-match"
prerelease-mode = "allow"
dependency-overrides = { numpy = ">=2", six = "*" }
"""
    )
    expected = PypiSettings(
        index_url="https://main/",
        extra_index_urls=("https://extra/",),
        find_links=("wheels", "https://links/"),
        only_binary=("a",),
        no_binary=(":all:",),
        no_build_isolation=("c",),
        index_strategy="unsafe-first-match",
        prerelease="allow",
        overrides=("numpy>=2", "six"),
    )

    assert expected == spec(text).settings


def test_variables_of_the_activation_are_set_and_those_for_the_target_win() -> None:
    text = HEAD + '[activation.env]\nA = "1"\nB = "2"\n[target.linux.activation.env]\nB = "3"\n'

    assert {"A": "1", "B": "3"} == dict(spec(text).variables)


def test_variables_in_variables_are_warned_about() -> None:
    (warning,) = warnings_of(read("pixi.toml", HEAD + '[activation.env]\nA = "$HOME/x"\n'))

    assert warning.startswith("pixi.toml: activation.env.A: ")


def test_another_strategy_holds_for_pypi_and_is_warned_about_for_conda() -> None:
    config = read("pixi.toml", HEAD + 'solve-strategy = "lowest"\n')

    assert ("lowest", 1) == (config.spec.settings.resolution, len(warnings_of(config)))


def test_the_table_may_be_called_project() -> None:
    assert ("own",) == spec('[project]\nname = "x"\nchannels = ["own"]\nplatforms = ["linux-64"]').channels


@pytest.mark.parametrize(
    "text, reason",
    [
        ('[dependencies]\na = { git = "https://h/r" }', "pixi.toml: dependencies.a.git: conda packages are not built"),
        ('[dependencies]\na = { version = "1", md5 = "00" }', "dependencies.a.md5: this condition cannot be had"),
        ('[dependencies]\na = { versoin = "1" }', "dependencies.a.versoin: this key is not known. Did you mean"),
        ("[dependencies]\na = 1", "dependencies.a must be text or a table"),
        ('[dependencies]\na = ">=1 <2"', "pixi.toml: dependencies.a"),
        ('[dependencies]\n"a b" = "1"', 'pixi.toml: dependencies."a b"'.replace('"', "'")),
        ('[pypi-dependencies]\na = "=1"', "pypi-dependencies.a"),
        ("[pypi-dependencies]\na = [1]", "pypi-dependencies.a must be text or a table"),
        ('[pypi-dependencies]\na = { path = "nowhere" }', "pypi-dependencies.a: "),
        ('[pypi-dependencies]\na = { path = "x", version = "1" }', "one of version, path, url, git is needed"),
        ('[constraints]\na = "1"', "constraints: limits on packages"),
        ('[environments]\nx = ["nothing"]', "there is no feature 'nothing'"),
        ('[pypi-options]\nprerelease-mode = "x"', "'x' is not one of"),
        ('[feature.x]\nplatforms = ["win-64"]\n[environments]\nx = ["x"]', "this machine is linux-64, and only win-64"),
    ],
)
def test_what_cannot_be_had_is_refused_with_its_place(text: str, reason: str) -> None:
    assert reason in refusal("pixi.toml", f"{HEAD}{text}", environment="x")


def test_a_workspace_for_other_machines_is_refused() -> None:
    text = '[workspace]\nchannels = ["c"]\nplatforms = ["osx-arm64", "win-64"]\n'

    assert "workspace.platforms: this machine is linux-64, and only osx-arm64, win-64" in refusal("pixi.toml", text)


PYPROJECT = """\
[project]
name = "mine"
requires-python = ">=3.10"
dependencies = ["six"]
[project.optional-dependencies]
gui = ["napari"]
[dependency-groups]
test = ["pytest"]
[tool.pixi.workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
[tool.pixi.dependencies]
python = "<3.13"
[tool.pixi.environments]
dev = ["test"]
"""


def test_extras_and_groups_of_the_project_are_features() -> None:
    assert {"six"} == pypi(spec_of("pyproject.toml", PYPROJECT))
    assert {"six", "pytest"} == pypi(spec_of("pyproject.toml", PYPROJECT, environment="dev"))
    assert {"six", "napari"} == pypi(spec_of("pyproject.toml", PYPROJECT, optional=["gui"]))


def test_both_tables_have_a_say_on_python() -> None:
    assert ">=3.10,<3.13" == spec_of("pyproject.toml", PYPROJECT).python.asked


def test_a_pyproject_with_pixi_has_the_channels_of_its_workspace() -> None:
    assert ("conda-forge",) == spec_of("pyproject.toml", PYPROJECT).channels
