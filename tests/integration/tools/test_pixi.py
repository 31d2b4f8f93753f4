"""The pixi backend beyond its contract, with the stand-in or the real program."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from conda_builds import run
from projects import write_project
from tools import pixi_backend, program, real, variables
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.pixi.files import MARK, forget_credentials
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._spec.config import from_config
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import DownloadError, EnvironmentReuseError, ProvisioningError, UnsatisfiableError
from wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands._spec.model import Spec

pytestmark = pytest.mark.integration


def spec_of(recipe: Dependencies, base: Path) -> Spec:
    return parse(recipe, platform=current_platform(), base=base)


def built(channel: Channel, recipe: Dependencies, folder: Path, observer: RecordingObserver | None = None) -> Path:
    """Build, and return the folder of the workspace."""
    root = folder / "workspace (of é)" / "1"
    pixi_backend(channel, folder).build(spec_of(recipe, folder), root, observer or RecordingObserver())
    return root


def versions(root: Path) -> dict[str, str]:
    packages = installed_packages(adopt(root))
    return {package["name"]: package["version"] for package in packages if package["name"] != "python"}


def kinds(root: Path) -> dict[str, str]:
    return {package["name"]: package["kind"] for package in installed_packages(adopt(root))}


def test_conda_pypi_and_local_packages_come_together(channel: Channel, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels (é)", "second")
    project = tmp_path / "my project (é)"
    write_project(project, "mine")
    observer = RecordingObserver()

    root = built(
        channel,
        {
            "conda": ["greeter=1.*"],
            "pip": [f"second @ {wheel.as_uri()}"],
            "local": [{"name": "mine", "path": str(project), "editable": True}],
        },
        tmp_path,
        observer,
    )

    assert {"greeter": "conda", "helper": "conda", "python": "conda", "second": "pypi", "mine": "pypi"} == kinds(root)
    assert str(project) in run(root, "import mine; print(mine.__file__)")
    assert (root / "pixi.lock").is_file()
    assert ["create", "solve", "link", "install"] == observer.stages
    last = [step for step in observer.steps if step.stage == "link"][-1]
    assert (3, 3, "packages") == (last.current, last.maximum, last.unit)
    assert " + greeter 1.1" in observer.lines


@pytest.mark.parametrize("first, expected", [("conda-forge", "2.0"), ("other", "9.0")])
def test_of_a_package_only_the_first_channel_that_has_it_counts(
    channel: Channel, tmp_path: Path, first: str, expected: str
) -> None:
    second = {"conda-forge": "other", "other": "conda-forge"}[first]

    root = built(channel, {"conda": ["greeter"], "channels": [first, second]}, tmp_path)

    assert expected == versions(root)["greeter"]


def test_a_channel_of_one_package_is_found(channel: Channel, tmp_path: Path) -> None:
    root = built(channel, {"conda": ["other::greeter", "pebble"]}, tmp_path)

    assert "9.0" == versions(root)["greeter"]


def test_packages_come_without_what_they_need_when_asked_so(channel: Channel, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "needy", requires=["not-to-be-had"])
    observer = RecordingObserver()

    root = built(
        channel,
        {
            "conda": [{"name": "greeter==1.0", "dependencies": False}],
            "pip": [{"name": f"needy @ {wheel.as_uri()}", "dependencies": False}],
        },
        tmp_path,
        observer,
    )

    assert {"greeter": "1.0", "needy": "1.0"} == versions(root)
    assert any("linked by rattler" in line for line in observer.lines)


def test_adding_changes_the_manifest_and_a_failure_puts_it_back(channel: Channel, tmp_path: Path) -> None:
    root = built(channel, {"conda": ["helper<2"]}, tmp_path)
    backend = pixi_backend(channel, tmp_path)

    backend.install(spec_of({"conda": ["greeter"]}, tmp_path), root, RecordingObserver())

    assert {"greeter": "1.1", "helper": "1.5"} == versions(root)
    before = (root / "pixi.toml").read_bytes(), (root / "pixi.lock").read_bytes()
    assert before[0].startswith(MARK.encode())
    with pytest.raises(UnsatisfiableError):
        backend.install(spec_of({"conda": ["farewell"]}, tmp_path), root, RecordingObserver())
    assert before == ((root / "pixi.toml").read_bytes(), (root / "pixi.lock").read_bytes())
    assert {"greeter": "1.1", "helper": "1.5"} == versions(root)


def test_what_is_added_to_a_workspace_of_others_leaves_its_manifest_alone(channel: Channel, tmp_path: Path) -> None:
    root = by_hand(channel, tmp_path)
    before = (root / "pixi.toml").read_bytes()

    pixi_backend(channel, tmp_path).install(spec_of({"conda": ["pebble"]}, tmp_path), root, RecordingObserver())

    assert before == (root / "pixi.toml").read_bytes()
    assert {"greeter": "2.0", "helper": "2.0", "pebble": "1.0"} == versions(root)


def test_what_a_manifest_cannot_say_is_installed_by_uv(channel: Channel, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "second")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"--no-index\n--find-links {wheel.parent}\nsecond\n")
    observer = RecordingObserver()
    spec = from_config(requirements, platform=current_platform(), environ={}).spec
    root = tmp_path / "1"

    pixi_backend(channel, tmp_path).build(spec, root, observer)

    assert {"second": "1.0"} == versions(root)
    assert any("installed by uv: a manifest of pixi cannot say" in line for line in observer.lines)


@pytest.mark.parametrize("wanted, reason", [("nothing-like-it", "nothing-like-it"), ("lonely", "not-on-any-channel")])
def test_what_no_set_of_packages_fits_is_explained(channel: Channel, tmp_path: Path, wanted: str, reason: str) -> None:
    with pytest.raises(UnsatisfiableError, match=reason) as caught:
        built(channel, {"conda": [wanted]}, tmp_path)

    assert wanted in caught.value.requirements


def test_a_channel_that_is_not_there_is_an_error_of_downloading(channel: Channel, tmp_path: Path) -> None:
    missing = (tmp_path / "nochannel").as_uri()

    with pytest.raises(DownloadError, match="nochannel"):
        built(channel, {"conda": ["greeter"], "channels": [missing]}, tmp_path)


def test_packages_may_ask_for_what_this_machine_has(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnsatisfiableError, match="CONDA_OVERRIDE") as refused:
        built(channel, {"conda": ["thunder"]}, tmp_path / "without")
    assert ("__cuda >=11",) == refused.value.virtual_packages

    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "12.4")
    assert "thunder" in versions(built(channel, {"conda": ["thunder"]}, tmp_path / "with"))


def test_what_would_be_shell_text_is_none(channel: Channel, tmp_path: Path) -> None:
    root = built(channel, {"python": ">=3.9,<4", "conda": ["greeter>=1.0,<2", "helper!=1.0"]}, tmp_path)

    assert {"greeter": "1.1", "helper": "1.5"} == versions(root)
    assert not list(tmp_path.glob("=*"))


def test_a_manager_builds_updates_and_runs_with_it(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    program("pixi", tmp_path / "pixi" / "bin")
    long = "n" * 60
    with EnvironmentManager(tmp_path / "instance (ü)", conda_path=tmp_path / "pixi") as manager:
        manager.install_conda()
        environment = manager.create(long, {"conda": ["greeter=1.*", "lamp"]})
        environment.launch()

        assert environment.path is not None
        assert f"on at {environment.path}" == environment.execute("os", "getenv", args=("LAMP_STATE",))
        assert environment is manager.create(long, {"conda": ["greeter=1.*", "lamp"]})
        environment.exit()
        manager.install(environment, {"conda": ["pebble"]})
        assert "pebble" in {package["name"] for package in manager.get_installed_packages(environment)}
        record = json.loads((tmp_path / "instance (ü)" / "envs" / long / "environment.json").read_bytes())
        assert ("pixi", "conda_path names pixi") == (record["backend"], record["reason"])
        manager.delete_environment(environment)
        assert not manager.environment_exists(long)


def by_hand(channel: Channel, tmp_path: Path) -> Path:
    """A workspace as users make them."""
    executable = program("pixi", tmp_path / "tool")
    root = tmp_path / "made by hand (é)"
    root.mkdir()
    (root / "pixi.toml").write_text(
        f'[workspace]\nchannels = ["{channel.url}"]\nplatforms = ["{current_platform()}"]\n'
        '[dependencies]\npython = "*"\n[feature.more.dependencies]\ngreeter = "==2.0"\n'
        '[environments]\ndefault = ["more"]\nsmall = { features = [], solve-group = "one" }\n'
    )
    argv = [str(executable), "install", "--all", "--manifest-path", str(root / "pixi.toml")]
    subprocess.run(argv, env=variables(channel, tmp_path / "home"), check=True, timeout=100, capture_output=True)
    return root


def test_a_workspace_made_by_hand_is_opened(channel: Channel, tmp_path: Path) -> None:
    root = by_hand(channel, tmp_path)

    with EnvironmentManager(tmp_path / "instance") as manager, manager.load("mine", root) as environment:
        environment.launch()
        assert root / ".pixi" / "envs" / "default" == environment.path
        assert "2.0" == {one["name"]: one["version"] for one in manager.get_installed_packages(environment)}["greeter"]


def hand_made_with_activation(channel: Channel, tmp_path: Path) -> Path:
    root = by_hand(channel, tmp_path)
    with (root / "pixi.toml").open("a") as manifest:
        manifest.write('[activation]\nscripts = ["wake up.sh"]\n[activation.env]\nWORD = "said in $CONDA_PREFIX"\n')
    (root / "wake up.sh").write_text('export AWAKE="yes at $PIXI_PROJECT_ROOT"\n')
    return root


def test_what_a_manifest_says_of_activation_reaches_workers_and_is_asked_for_once(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = hand_made_with_activation(channel, tmp_path)
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)

    with EnvironmentManager(tmp_path / "instance", conda_path=tmp_path / "tool", manager="pixi") as manager:
        environment = manager.load("default", root)
        environment.launch()
        assert f"said in {environment.path}" == environment.execute("os", "getenv", args=("WORD",))
        assert f"yes at {root}" == environment.execute("os", "getenv", args=("AWAKE",))
        assert environment.execute("os", "getenv", args=("PIXI_IN_SHELL",)) is None
        path = str(environment.execute("os", "getenv", args=("PATH",))).split(":")
        assert (f"{environment.path}/bin", 1) == (path[0], path.count(f"{environment.path}/bin"))
        (tmp_path / "tool" / "pixi").unlink()
        process = manager.execute_commands(environment, ["echo $WORD"], wait=True, log=False)
        assert process.stdout is not None
        assert f"said in {environment.path}" == process.stdout.read().strip()
        process.stdout.close()


def test_a_workspace_that_needs_pixi_to_be_activated_says_so_where_there_is_none(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = hand_made_with_activation(channel, tmp_path)
    monkeypatch.setenv("PATH", "/nothing")

    with (
        EnvironmentManager(tmp_path / "instance") as manager,
        manager.load("mine", root) as environment,
        pytest.raises(ProvisioningError, match="only pixi can do, and there is no pixi"),
    ):
        environment.launch()


def native(channel: Channel, folder: Path) -> Path:
    """A project of a user, with paths in its manifest and with words that recipes do not have."""
    project = folder / "project (é)"
    write_project(project / "mine", "mine")
    wheel = write_wheel(project / "wheels", "second")
    (project / "wake.sh").write_text('export AWAKE="yes"\n')
    (project / "pixi.toml").write_text(
        f'[workspace]\nchannels = ["{channel.url}"]\nplatforms = ["{current_platform()}"]\n'
        '[tasks]\ntest = "pytest"\n'
        '[dependencies]\npython = "*"\n'
        f'[pypi-dependencies]\nmine = {{ path = "mine", editable = true }}\n'
        f'second = {{ path = "wheels/{wheel.name}" }}\n'
        '[activation]\nscripts = ["wake.sh"]\n'
        '[feature.old.dependencies]\ngreeter = "==1.0"\n'
        '[feature.more.dependencies]\npebble = "*"\n'
        '[environments]\nold = ["old"]\n'
    )
    return project


def test_a_manifest_of_the_user_is_read_by_pixi_itself_with_the_environment_of_the_name(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    program("pixi", tmp_path / "pixi")
    config = native(channel, tmp_path) / "pixi.toml"
    with EnvironmentManager(tmp_path / "instance", conda_path=tmp_path / "pixi") as manager:
        environment = manager.create_from_config("old", config)
        environment.launch()

        installed = {one["name"]: one["version"] for one in manager.get_installed_packages(environment)}
        assert ("1.0", True, True) == (installed["greeter"], "mine" in installed, "second" in installed)
        assert "yes" == environment.execute("os", "getenv", args=("AWAKE",))
        assert environment is manager.create_from_config("old", config)
        assert not (config.parent / ".pixi").exists()
        assert not (config.parent / "pixi.lock").exists()

        other = manager.create_from_config("other", config, ["more"])
        assert "greeter" not in {one["name"] for one in manager.get_installed_packages(other)}
        assert "pebble" in {one["name"] for one in manager.get_installed_packages(other)}
        environment.exit()
        config.write_text(config.read_text().replace("==1.0", "==2.0"))
        with pytest.raises(EnvironmentReuseError, match=r"pixi\.toml changed"):
            manager.create_from_config("old", config)

    with EnvironmentManager(tmp_path / "instance", manager="rattler") as manager:
        old = manager.load("old")
        with pytest.raises(ProvisioningError, match="only pixi reads, and rattler was asked for"):
            manager.update_environment(old)


def test_the_lock_beside_a_manifest_is_taken_along(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    root = by_hand(channel, tmp_path)
    (root / "pixi.toml").write_text((root / "pixi.toml").read_text().replace("==2.0", "*"))
    with EnvironmentManager(tmp_path / "instance", conda_path=tmp_path / "tool" / "pixi") as manager:
        manager.create_from_config("locked", root / "pixi.toml")
        first = manager.environments["locked"]

        assert (root / "pixi.lock").read_bytes() == (first.prefix.path.parents[2] / "pixi.lock").read_bytes()


def test_of_a_workspace_the_environment_of_the_name_is_opened(channel: Channel, tmp_path: Path) -> None:
    root = by_hand(channel, tmp_path)

    with EnvironmentManager(tmp_path / "instance") as manager:
        assert root / ".pixi" / "envs" / "small" == manager.load("small", root / "pixi.toml").path
        assert root / ".pixi" / "envs" / "default" == manager.load("another", root).path


def test_credentials_of_channels_are_stored_nowhere(tmp_path: Path) -> None:
    (tmp_path / "pixi.toml").touch()
    text = 'channels = ["https://me:s3cret@host/private", "https://host/t/t0ken/c"]\n'
    (tmp_path / "pixi.toml").write_text(text)

    forget_credentials(tmp_path / "pixi.toml", tmp_path / "pixi.lock")

    assert 'channels = ["https://host/private", "https://host/c"]\n' == (tmp_path / "pixi.toml").read_text()


def test_a_virtual_environment_is_refused_for_conda_packages(channel: Channel, tmp_path: Path) -> None:
    subprocess.run(["python3", "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)

    with pytest.raises(ProvisioningError, match="is a virtual environment"):
        pixi_backend(channel, tmp_path).install(
            spec_of({"conda": ["pebble"]}, tmp_path), tmp_path / "venv", RecordingObserver()
        )


@pytest.mark.skipif(real("pixi") is not None, reason="it is about the stand-in")
@pytest.mark.parametrize("arguments", [["install", "--bogus"], ["add", "x"], []])
def test_the_stand_in_refuses_what_it_does_not_know(tmp_path: Path, arguments: list[str]) -> None:
    executable = program("pixi", tmp_path)

    refused = subprocess.run([executable, *arguments], capture_output=True, text=True, timeout=60, check=False)

    assert (2, "error: ") == (refused.returncode, refused.stderr[:7])
