from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from wetlands._backends.uv import InstallStep, UvBackend, find_uv, install_steps
from wetlands._platform.system import CURRENT
from wetlands._spec import parse
from wetlands._spec.model import Spec
from wetlands.exceptions import InterpreterNotFoundError, ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.interpreters import Interpreter
    from wetlands._spec import Dependencies


def spec_of(dependencies: Dependencies, base: Path) -> Spec:
    return parse(dependencies, platform="linux-64", base=base)


def project(base: Path, name: str) -> Path:
    folder = base / name
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


def test_an_empty_spec_needs_no_installation(tmp_path: Path) -> None:
    assert () == install_steps(Spec(), tmp_path)


def test_extras_markers_and_versions_are_passed_on(tmp_path: Path) -> None:
    spec = spec_of({"pip": ["flask[async]>=2,<4", "tomli ; python_version < '3.11'"]}, tmp_path)

    (step,) = install_steps(spec, tmp_path)

    assert ("flask[async]>=2,<4", 'tomli ; python_version < "3.11"') == tuple(
        line.replace("<4,>=2", ">=2,<4") for line in step.lines
    )


def test_packages_without_their_dependencies_come_in_a_second_step(tmp_path: Path) -> None:
    spec = spec_of({"pip": ["six", {"name": "flask", "dependencies": False}]}, tmp_path)

    expected = (InstallStep(("six",), ("six",)), InstallStep(("flask",), ("flask",), ("--no-deps",)))
    assert expected == install_steps(spec, tmp_path)


def test_a_lone_package_without_its_dependencies_needs_one_step(tmp_path: Path) -> None:
    spec = spec_of({"pip": [{"name": "flask", "dependencies": False}]}, tmp_path)

    assert (InstallStep(("flask",), ("flask",), ("--no-deps",)),) == install_steps(spec, tmp_path)


@pytest.mark.parametrize("editable, prefix", [(True, "-e "), (False, "")])
def test_a_local_package_is_an_address_that_no_requirements_file_misreads(
    tmp_path: Path, editable: bool, prefix: str
) -> None:
    folder = project(tmp_path, "a (b) #c é")
    spec = spec_of({"local": [{"name": "mine", "path": str(folder), "editable": editable}]}, tmp_path)

    (step,) = install_steps(spec, tmp_path)

    assert (f"{prefix}mine @ {tmp_path.as_uri()}/a%20%28b%29%20%23c%20%C3%A9",) == step.lines


def test_a_local_package_is_never_taken_from_a_stale_cache(tmp_path: Path) -> None:
    project(tmp_path, "mine")
    spec = spec_of({"local": [{"name": "mine", "path": "mine"}]}, tmp_path)

    assert ("--reinstall-package=mine",) == install_steps(spec, tmp_path)[0].options


@pytest.mark.parametrize("verb", ["build", "install"])
def test_uv_refuses_conda_packages_before_it_touches_anything(tmp_path: Path, verb: str) -> None:
    backend = UvBackend({}, base=tmp_path)

    with pytest.raises(ProvisioningError, match=r"PyPI only.* numpy"):
        getattr(backend, verb)(spec_of({"conda": ["numpy"]}, tmp_path), tmp_path / "prefix", RecordingObserver())

    assert [] == list(tmp_path.iterdir())


def test_nothing_is_made_when_no_interpreter_fits(tmp_path: Path) -> None:
    def none(*_: object, **__: object) -> Interpreter:
        raise InterpreterNotFoundError("3.99.*", ["3.11.7 at /usr/bin/python3"])

    backend = UvBackend({}, base=tmp_path, uv=tmp_path / "uv", find=none)

    with pytest.raises(InterpreterNotFoundError):
        backend.build(Spec(), tmp_path / "prefix", RecordingObserver())

    assert [] == list(tmp_path.iterdir())


def test_a_missing_uv_package_falls_back_to_path_and_says_when_there_is_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("uv.find_uv_bin", missing)

    with pytest.raises(ProvisioningError, match="pip install uv"):
        find_uv({"PATH": str(tmp_path)})


def test_uv_on_path_will_do_where_there_is_no_uv_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)  # importing it fails
    on_path = tmp_path / "uv.exe" if CURRENT == "windows" else tmp_path / "uv"
    on_path.touch(mode=0o755)

    assert on_path == find_uv({"PATH": str(tmp_path)})
