"""What was resolved once does not stay for ever: `create` keeps it, and `update` looks again (lesson 37)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from rattler.index import index_fs

from conda_builds import versions
from conda_packages import library, write_package
from conda_server import served
from registry import without_proxies
from wetlands.environment_manager import EnvironmentManager
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands.environment import Environment

pytestmark = pytest.mark.integration


@pytest.fixture
def manager(tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnvironmentManager]:
    for name, value in {**without_proxies(), **channel.variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))
    with EnvironmentManager(tmp_path / "instance") as made:
        yield made


def publish(folder: Path, version: str) -> None:
    write_package(library("novelty", version), folder, folder.parent / f"stage-{version}")
    asyncio.run(index_fs(folder))


def found(environment: Environment) -> dict[str, str]:
    assert environment.path is not None
    return versions(environment.path)


def test_conda_packages(manager: EnvironmentManager, channel: Channel, tmp_path: Path) -> None:
    folder = tmp_path / "channel"
    (folder / "noarch").mkdir(parents=True)
    publish(folder, "1.0")
    with served(folder) as server:
        recipe: Dependencies = {"conda": ["novelty"], "channels": [server.url, channel.url, "nodefaults"]}
        environment = manager.create("tools", recipe)
        publish(folder, "2.0")

        assert environment is manager.create("tools", recipe)
        assert {"novelty": "1.0"} == found(environment)
        manager.update_environment(environment)
        assert {"novelty": "2.0"} == found(environment)


def test_packages_of_pypi(manager: EnvironmentManager, tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "novelty", "1.0")
    path = tmp_path / "requirements.txt"
    path.write_text("--no-index\n--find-links ./wheels\nnovelty\n", encoding="utf-8")
    environment = manager.create_from_config("tools", path)
    write_wheel(tmp_path / "wheels", "novelty", "2.0")

    assert environment is manager.create_from_config("tools", path)
    assert {"novelty": "1.0"} == found(environment)
    manager.update_environment(environment)
    assert {"novelty": "2.0"} == found(environment)


def test_a_conda_environment_has_the_newest_python_unless_another_is_asked_for(
    manager: EnvironmentManager, channel: Channel
) -> None:
    newest = channel.pythons[-1]

    environment = manager.create("tools", {"conda": ["pebble"]})

    packages = {package["name"]: package["version"] for package in manager.get_installed_packages(environment)}
    assert newest == packages["python"]
