"""What every backend keeps: one function per promise, run on the stand-in and on the real ones."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from backends import FakeBackend, RecordingObserver
from tools import micromamba_backend, pixi_backend
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.uv import UvBackend
from wetlands._spec import parse
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError
from wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._backends.api import Backend
    from wetlands._spec.model import Spec


@pytest.fixture(params=["fake", "uv", "rattler", "pixi", "micromamba"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "fake":
        return FakeBackend()
    env = {**os.environ, "UV_OFFLINE": "1"}
    if request.param == "uv":
        return UvBackend(env, base=tmp_path)
    from wetlands._backends.rattler import RattlerBackend

    channel: Channel = request.getfixturevalue("channel")
    if request.param == "pixi":
        return pixi_backend(channel, tmp_path)
    if request.param == "micromamba":
        return micromamba_backend(channel, tmp_path)
    return RattlerBackend({**env, **channel.variables}, base=tmp_path)


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "instance (of é tests)" / "envs" / "first" / "1"


@pytest.fixture
def wanted(tmp_path: Path) -> Spec:
    return spec_of(tmp_path, "greeter")


def spec_of(folder: Path, name: str) -> Spec:
    wheel = write_wheel(folder / "wheels", name)
    return parse({"pip": [f"{name} @ {wheel.as_uri()}"]}, platform="linux-64", base=folder)


def names_in(prefix: Path) -> list[str]:
    """What was asked for: a conda prefix lists its Python too."""
    return [package["name"] for package in installed_packages(adopt(prefix)) if package["name"] != "python"]


def test_a_backend_has_a_name_for_records(backend: Backend) -> None:
    assert backend.name
    assert backend.name.isidentifier()


def test_a_built_prefix_has_a_python_that_runs_and_holds_what_was_asked(
    backend: Backend, prefix: Path, wanted: Spec
) -> None:
    backend.build(wanted, prefix, RecordingObserver())

    answer = subprocess.run(
        [adopt(prefix).python, "-I", "-c", "print(6 * 7)"], capture_output=True, text=True, check=True
    )
    assert "42" == answer.stdout.strip()
    assert ["greeter"] == names_in(prefix)


def test_an_empty_spec_gives_an_empty_environment(backend: Backend, prefix: Path, tmp_path: Path) -> None:
    backend.build(parse({}, platform="linux-64", base=tmp_path), prefix, RecordingObserver())

    assert [] == names_in(prefix)


def test_the_observer_hears_of_the_stages_and_the_output(backend: Backend, prefix: Path, wanted: Spec) -> None:
    observer = RecordingObserver()

    backend.build(wanted, prefix, observer)

    stages = list(dict.fromkeys(observer.stages))
    assert ["create", "install"] == [stage for stage in stages if stage not in {"solve", "download", "link"}]
    assert any("greeter" in line for line in observer.lines)


def test_installing_adds_to_what_is_there(backend: Backend, prefix: Path, wanted: Spec, tmp_path: Path) -> None:
    backend.build(wanted, prefix, RecordingObserver())

    backend.install(spec_of(tmp_path, "second"), prefix, RecordingObserver())

    assert ["greeter", "second"] == names_in(prefix)


def test_what_cannot_be_installed_is_named_in_the_error(backend: Backend, prefix: Path, tmp_path: Path) -> None:
    impossible = parse({"pip": ["missing-for-sure"]}, platform="linux-64", base=tmp_path)

    with pytest.raises(CommandFailedError, match="missing-for-sure was not found"):
        backend.build(impossible, prefix, RecordingObserver())


@pytest.mark.parametrize("stage", ["create", "install"])
def test_a_cancelled_build_ends_with_the_error_that_says_so(
    backend: Backend, prefix: Path, wanted: Spec, stage: str
) -> None:
    observer = RecordingObserver(stop_when=lambda seen: stage in seen.stages)

    with pytest.raises(ProvisioningCanceledError):
        backend.build(wanted, prefix, observer)


def test_an_error_of_the_observer_ends_the_build(backend: Backend, prefix: Path, wanted: Spec) -> None:
    class Saboteur(RecordingObserver):
        def output(self, line: str) -> None:
            raise RuntimeError("the listener broke")

    with pytest.raises(RuntimeError, match="the listener broke"):
        backend.build(wanted, prefix, Saboteur())
