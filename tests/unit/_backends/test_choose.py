from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from backends import RecordingObserver
from wetlands._backends.choose import choose, tool_at
from wetlands._backends.interpreters import Interpreter
from wetlands._backends.locks.model import LockedPlatform
from wetlands._spec import PypiSettings, Spec, parse
from wetlands._spec.pixi_manifest import PixiManifest
from wetlands.exceptions import InterpreterNotFoundError, ProvisioningError

if TYPE_CHECKING:
    from wetlands._backends.choose import Manager
    from wetlands._spec.python import PythonRequirement


@pytest.fixture
def from_pypi(tmp_path: Path) -> Spec:
    return parse({"pip": ["six"]}, platform="linux-64", base=tmp_path)


@pytest.fixture
def from_conda(tmp_path: Path) -> Spec:
    return parse({"conda": ["numpy=1.26"]}, platform="linux-64", base=tmp_path)


def found(_requirement: PythonRequirement, **_: object) -> Interpreter:
    return Interpreter(Path("python"), Version("3.11.7"))


def not_found(requirement: PythonRequirement, **_: object) -> Interpreter:
    raise InterpreterNotFoundError(str(requirement), ())


@pytest.mark.parametrize("manager", ["auto", "uv"])
def test_packages_from_pypi_are_for_uv_and_the_reason_is_told(from_pypi: Spec, manager: Manager) -> None:
    choice = choose(from_pypi, manager=manager, find=found)

    assert "uv" == choice.backend.name
    assert choice.reason


def test_packages_from_pypi_get_their_python_from_conda_where_this_machine_has_none(tmp_path: Path) -> None:
    spec = parse({"pip": ["six"], "python": "3.12"}, platform="linux-64", base=tmp_path)

    choice = choose(spec, find=not_found)

    assert "rattler" == choice.backend.name
    assert "no Python 3.12.* is installed for uv to build on" == choice.reason


def test_uv_that_was_asked_for_is_not_replaced_for_want_of_a_python(from_pypi: Spec) -> None:
    assert "uv" == choose(from_pypi, manager="uv", find=not_found).backend.name


def test_conda_packages_are_for_rattler(from_conda: Spec) -> None:
    choice = choose(from_conda)

    assert "rattler" == choice.backend.name
    assert "the recipe asks for conda packages" == choice.reason


def test_rattler_that_was_asked_for_builds_recipes_of_pypi_too(from_pypi: Spec) -> None:
    assert "rattler" == choose(from_pypi, manager="rattler", find=not_found).backend.name


def test_the_token_of_a_channel_is_in_no_error(tmp_path: Path) -> None:
    spec = parse({"channels": ["https://host.example/t/s3cret/private"]}, platform="linux-64", base=tmp_path)

    with pytest.raises(ProvisioningError, match=r"host\.example") as refused:
        choose(spec, manager="uv")

    assert "s3cret" not in str(refused.value)


def test_uv_asked_for_conda_packages_is_a_contradiction(from_conda: Spec) -> None:
    with pytest.raises(ProvisioningError, match=r"uv installs from PyPI only.*numpy"):
        choose(from_conda, manager="uv")


@pytest.mark.parametrize("manager", ["pixi", "micromamba"])
def test_a_tool_that_is_asked_for_builds_everything(from_pypi: Spec, from_conda: Spec, manager: Manager) -> None:
    for spec in (from_pypi, from_conda):
        choice = choose(spec, manager=manager)

        assert manager == choice.backend.name
        assert f'manager="{manager}" was asked for' == choice.reason


@pytest.mark.parametrize("tool", ["pixi", "micromamba"])
def test_a_conda_path_chooses_its_tool_and_nothing_is_looked_for(from_pypi: Spec, tool: str) -> None:
    choice = choose(from_pypi, conda_path=Path("nowhere", tool))

    assert tool == choice.backend.name
    assert f"conda_path names {tool}" == choice.reason


@pytest.mark.parametrize(
    "manager, expected", [("pixi", "LockedPixiBackend"), ("micromamba", "LockedMicromambaBackend")]
)
def test_a_lock_is_built_by_the_tool_that_is_asked_for(from_conda: Spec, manager: Manager, expected: str) -> None:
    choice = choose(from_conda, manager=manager, locked=LockedPlatform("linux-64", source="mine.lock"))

    assert expected == type(choice.backend).__name__
    assert "the lock mine.lock was given" == choice.reason


def test_a_recipe_that_no_manifest_can_say_is_refused_with_a_lock_before_anything_happens(tmp_path: Path) -> None:
    spec = Spec(settings=PypiSettings(no_index=True))
    backend = choose(spec, manager="pixi", locked=LockedPlatform("linux-64"), base=tmp_path).backend

    with pytest.raises(ProvisioningError, match=r"cannot say \(an installation without an index\)"):
        backend.build(spec, tmp_path / "1", RecordingObserver())
    assert [] == list(tmp_path.iterdir())


def test_a_manifest_of_pixi_is_for_pixi_alone(from_conda: Spec) -> None:
    spec = Spec(manifest=PixiManifest("{}"))

    assert ("pixi", "the recipe is a manifest of pixi") == (
        (choice := choose(spec)).backend.name,
        choice.reason,
    )
    with pytest.raises(ProvisioningError, match="only pixi reads, and micromamba was asked for"):
        choose(spec, manager="micromamba")


def test_a_conda_path_of_the_other_tool_is_a_contradiction(from_pypi: Spec) -> None:
    with pytest.raises(ProvisioningError, match=r'manager="pixi".* names micromamba'):
        choose(from_pypi, manager="pixi", conda_path=Path("tools/micromamba"))


def test_a_tool_that_is_asked_for_may_be_installed_in_any_folder(from_pypi: Spec) -> None:
    assert "micromamba" == choose(from_pypi, manager="micromamba", conda_path=Path("my tools")).backend.name


def test_a_manager_that_is_asked_for_goes_before_the_conda_path(from_pypi: Spec) -> None:
    assert "uv" == choose(from_pypi, manager="uv", conda_path=Path("tools/pixi")).backend.name


@pytest.mark.parametrize(
    "path, expected",
    [("pixi", "pixi"), ("a/pixi.exe", "pixi"), ("micromamba/", "micromamba"), ("micromamba.exe", "micromamba")],
)
def test_a_name_tells_which_tool_it_is(path: str, expected: str) -> None:
    assert expected == tool_at(Path(path))


@pytest.mark.parametrize("inside", ["micromamba", "bin/micromamba", "Library/bin/micromamba.exe"])
def test_the_content_of_a_folder_tells_which_tool_it_is(tmp_path: Path, inside: str) -> None:
    (tmp_path / inside).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / inside).touch()

    assert "micromamba" == tool_at(tmp_path)


def test_a_path_that_is_neither_tool_is_refused() -> None:
    with pytest.raises(ProvisioningError, match="neither pixi nor micromamba"):
        tool_at(Path("miniconda3"))
