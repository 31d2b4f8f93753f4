"""The micromamba backend beyond its contract, with the stand-in or the real program."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from conda_builds import run, versions
from tools import micromamba_backend, program, real, variables
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands._spec.model import Spec

pytestmark = pytest.mark.integration


def spec_of(recipe: Dependencies, base: Path) -> Spec:
    return parse(recipe, platform=current_platform(), base=base)


def built(
    channel: Channel, recipe: Dependencies, folder: Path, observer: RecordingObserver | None = None, **options: str
) -> Path:
    prefix = folder / "prefix (of é)" / "1"
    backend = micromamba_backend(channel, folder, **options)
    backend.build(spec_of(recipe, folder), prefix, observer or RecordingObserver())
    return prefix


def test_conda_packages_come_with_what_they_need_and_progress_is_told(channel: Channel, tmp_path: Path) -> None:
    observer = RecordingObserver()

    prefix = built(channel, {"conda": ["greeter=1.*"]}, tmp_path, observer, CONDA_PKGS_DIRS=str(tmp_path / "pkgs"))

    assert {"greeter": "1.1", "helper": "1.5"} == versions(prefix)
    assert "1.1" == run(prefix, "import greeter; print(greeter.VERSION)")
    assert ["create", "solve", "download", "link"] == observer.stages
    for stage in ("download", "link"):
        steps = [step for step in observer.steps if step.stage == stage]
        assert [(1, 3), (2, 3), (3, 3)] == [(step.current, step.maximum) for step in steps]
    assert any(line.startswith(" + greeter 1.1") for line in observer.lines)


@pytest.mark.parametrize("first, expected", [("conda-forge", "2.0"), ("other", "9.0")])
def test_of_a_package_only_the_first_channel_that_has_it_counts(
    channel: Channel, tmp_path: Path, first: str, expected: str
) -> None:
    second = {"conda-forge": "other", "other": "conda-forge"}[first]

    prefix = built(channel, {"conda": ["greeter"], "channels": [first, second]}, tmp_path)

    assert expected == versions(prefix)["greeter"]


def test_a_channel_of_one_package_and_a_channel_in_a_folder_are_found(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "my channel (é)").symlink_to(channel.other)

    recipe: Dependencies = {"conda": ["other::greeter", "novelty", "pebble"], "channels": ["./my channel (é)"]}
    prefix = built(channel, recipe, tmp_path)

    assert {"greeter": "9.0", "novelty": "1.0", "pebble": "1.0"} == versions(prefix)


def test_a_package_comes_without_what_it_needs_when_asked_so(channel: Channel, tmp_path: Path) -> None:
    alone: Dependencies = {"conda": [{"name": "greeter==1.0", "dependencies": False}]}

    prefix = built(channel, alone, tmp_path)

    assert {"greeter": "1.0"} == versions(prefix)


def test_adding_keeps_what_was_asked_for_before(channel: Channel, tmp_path: Path) -> None:
    prefix = built(channel, {"conda": ["helper<2"]}, tmp_path)
    backend = micromamba_backend(channel, tmp_path)

    backend.install(spec_of({"conda": ["greeter"]}, tmp_path), prefix, RecordingObserver())

    assert {"greeter": "1.1", "helper": "1.5"} == versions(prefix)
    with pytest.raises(UnsatisfiableError):
        backend.install(spec_of({"conda": ["farewell"]}, tmp_path), prefix, RecordingObserver())


@pytest.mark.parametrize("version", ["", "2.9.0"])
@pytest.mark.parametrize("wanted, reason", [("nothing-like-it", "nothing-like-it"), ("lonely", "not-on-any-channel")])
def test_what_no_set_of_packages_fits_is_explained(
    channel: Channel, tmp_path: Path, version: str, wanted: str, reason: str
) -> None:
    with pytest.raises(UnsatisfiableError, match=reason) as caught:
        built(channel, {"conda": [wanted]}, tmp_path, version=version)

    assert wanted in caught.value.requirements
    assert not (tmp_path / "prefix (of é)").exists()


@pytest.mark.parametrize("version", ["", "2.9.0"])
def test_a_channel_that_is_not_there_is_an_error_of_downloading(channel: Channel, tmp_path: Path, version: str) -> None:
    missing = (tmp_path / "no channel").as_uri()

    with pytest.raises(DownloadError, match="no%20channel"):
        built(channel, {"conda": ["greeter"], "channels": [missing]}, tmp_path, version=version)


def test_the_later_answers_are_understood_too(channel: Channel, tmp_path: Path) -> None:
    prefix = built(channel, {"conda": ["greeter=1.*"]}, tmp_path, version="2.9.0")

    assert "1.1" == versions(prefix)["greeter"]


def test_settings_of_the_environment_we_were_started_in_have_no_say(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".condarc").write_text("channels: [nonsense]\npkgs_dirs: [/nonsense]\n")
    shell = {
        "CONDA_PREFIX": "/nonsense",
        "CONDA_CHANNELS": "nonsense",
        "MAMBA_ALWAYS_YES": "1",
        "MAMBA_DRY_RUN": "true",
        "MAMBARC": "/nonsense",
    }

    prefix = built(channel, {"conda": ["pebble"]}, tmp_path, None, **shell)

    assert "pebble" in versions(prefix)


def test_what_would_be_shell_text_is_none(channel: Channel, tmp_path: Path) -> None:
    prefix = built(channel, {"python": ">=3.9,<4", "conda": ["greeter>=1.0,<2", "helper!=1.0"]}, tmp_path)

    assert {"greeter": "1.1", "helper": "1.5"} == versions(prefix)
    assert not list(tmp_path.glob("=*"))


def test_a_manager_builds_and_runs_with_it(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    program("micromamba", tmp_path / "micromamba")
    with EnvironmentManager(tmp_path / "instance (ü)", conda_path=tmp_path / "micromamba") as manager:
        manager.install_conda()
        environment = manager.create("n" * 60, {"conda": ["greeter=1.*", "lamp"]})
        environment.launch()

        assert environment.path is not None
        assert f"on at {environment.path}" == environment.execute("os", "getenv", args=("LAMP_STATE",))
        assert environment is manager.create("n" * 60, {"conda": ["greeter=1.*", "lamp"]})
        record = json.loads((tmp_path / "instance (ü)" / "envs" / ("n" * 60) / "environment.json").read_bytes())
        assert ("micromamba", "conda_path names micromamba") == (record["backend"], record["reason"])


def test_a_prefix_made_by_hand_is_opened(channel: Channel, tmp_path: Path) -> None:
    executable = program("micromamba", tmp_path / "tool")
    env = variables(channel, tmp_path / "home")
    prefix = tmp_path / "made by hand (é)"
    rc = tmp_path / "rc.yml"
    rc.write_text(json.dumps({"channels": [channel.url], "add_pip_as_python_dependency": False}))
    argv = [str(executable), "create", "--rc-file", str(rc), "-p", str(prefix), "-y", "python", "greeter ==2.0"]
    scrubbed = {name: value for name, value in env.items() if not name.startswith(("CONDA_", "MAMBA_"))}
    subprocess.run(argv, env=scrubbed, check=True, timeout=100, capture_output=True)

    with EnvironmentManager(tmp_path / "instance") as manager, manager.load("mine", prefix) as environment:
        environment.launch()
        assert prefix == environment.path
        assert "2.0" == {one["name"]: one["version"] for one in manager.get_installed_packages(environment)}["greeter"]


@pytest.mark.skipif(real("micromamba") is not None, reason="it is about the stand-in")
def test_the_stand_in_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    executable = program("micromamba", tmp_path)

    refused = subprocess.run([executable, "create", "--bogus"], capture_output=True, text=True, timeout=60, check=False)

    assert (109, True) == (refused.returncode, "not expected" in refused.stderr)
