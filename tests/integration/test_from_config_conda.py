"""Conda environments from config files, out of the channel of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands.environment_manager import EnvironmentManager
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands.environment import Environment

pytestmark = pytest.mark.integration


@pytest.fixture
def manager(tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnvironmentManager]:
    for name, value in channel.variables.items():
        monkeypatch.setenv(name, value)
    with EnvironmentManager(tmp_path / "instance") as made:
        yield made


def installed(environment: Environment) -> dict[str, tuple[str, str]]:
    packages = environment.environment_manager.get_installed_packages(environment)
    return {package["name"]: (package["version"], package["kind"]) for package in packages}


def output(environment: Environment, line: str) -> str:
    process = environment.environment_manager.execute_commands(environment, [line], log=False)
    text: str = process.communicate(timeout=60)[0]
    return text.strip()


def test_environment_yml_brings_conda_and_pypi_packages_and_variables(
    manager: EnvironmentManager, channel: Channel, tmp_path: Path
) -> None:
    write_wheel(tmp_path / "wheels", "extra")
    path = tmp_path / "environment.yml"
    text = f"""
name: ignored
channels: ["{channel.url}", nodefaults]
dependencies:
  - greeter=1.*
  - pip:
    - --no-index
    - -f ./wheels
    - extra
variables:
  WORD: bon jour
"""
    path.write_text(text, encoding="utf-8")

    environment = manager.create_from_config("env", path)

    found = installed(environment)
    assert {"greeter": ("1.1", "conda"), "extra": ("1.0", "pypi")} == {
        name: found[name] for name in ("greeter", "extra")
    }
    assert "bon jour" == output(environment, "echo $WORD")
    assert environment is manager.create_from_config("env", path)


PIXI = """
[workspace]
channels = ["{channel}"]
platforms = ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]
[system-requirements]
linux = "3.0"
[dependencies]
python = ">=3.8"
[pypi-options]
find-links = [{{ path = "wheels" }}]
[pypi-dependencies]
extra = "==1.0"
[feature.old.dependencies]
greeter = "1.*"
[environments]
past = ["old"]
[activation.env]
WORD = "bon jour"
"""


@pytest.mark.parametrize(
    "name, optional, greeter", [("any", None, None), ("past", None, "1.1"), ("any", ["old"], "1.1")]
)
def test_a_pixi_workspace_brings_the_environment_of_that_name(
    manager: EnvironmentManager,
    channel: Channel,
    tmp_path: Path,
    name: str,
    optional: list[str] | None,
    greeter: str | None,
) -> None:
    write_wheel(tmp_path / "wheels", "extra")
    path = tmp_path / "pixi.toml"
    path.write_text(PIXI.format(channel=channel.url), encoding="utf-8")

    environment = manager.create_from_config(name, path, optional)

    found = installed(environment)
    assert ("1.0", "pypi") == found["extra"]
    assert greeter == found.get("greeter", (None, ""))[0]
    assert "bon jour" == output(environment, "echo $WORD")
