"""Real environments that were damaged on purpose: each damage is named, and mended in the versions that are there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from conda_builds import run, versions
from conda_server import served
from projects import write_project
from registry import without_proxies
from wetlands._backends.integrity.check import check
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import (
    DownloadError,
    EnvironmentInUseError,
    EnvironmentNotFoundError,
    EnvironmentReuseError,
    ProvisioningError,
)
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.integration

SOURCE = "import herald, guest; print(herald.VERSION, guest.VERSION)"


@pytest.fixture
def manager(tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnvironmentManager]:
    for name, value in {**without_proxies(), **channel.variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    with EnvironmentManager(tmp_path / "instance (of é)") as made:
        yield made


@pytest.fixture
def recipe(tmp_path: Path) -> Dependencies:
    wheel = write_wheel(tmp_path / "wheels", "guest")
    write_project(tmp_path / "mine", "mine")
    return {
        "conda": ["herald", "compass", "pebble"],
        "pip": [f"guest @ {wheel.as_uri()}"],
        "local": [{"name": "mine", "path": str(tmp_path / "mine"), "editable": False}],
    }


@pytest.fixture
def environment(manager: EnvironmentManager, recipe: Dependencies) -> ExternalEnvironment:
    return manager.create("tools", recipe)  # type: ignore[return-value]  # created ones are external


def prefix_of(environment: ExternalEnvironment) -> Path:
    assert environment.path is not None
    return environment.path


def find(environment: ExternalEnvironment, name: str) -> Path:
    return next(prefix_of(environment).rglob(name))


def overwrite(path: Path, text: str) -> None:
    """Another file under the same name: what a cache shares with it stays."""
    path.unlink()
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("thorough", [False, True])
def test_what_was_just_built_is_whole(environment: ExternalEnvironment, thorough: bool) -> None:
    run(prefix_of(environment), SOURCE)  # compiles

    assert [] == environment.check(thorough=thorough)
    assert [] == environment.repair()


def test_missing_and_changed_files_are_named_with_their_packages(environment: ExternalEnvironment) -> None:
    find(environment, "pebble.txt").unlink()
    overwrite(find(environment, "herald.py"), "VERSION = '9.9'\n")
    find(environment, "guest.py").unlink()
    find(environment, "mine.py").unlink()

    found = {(one.package, one.kind, one.path.rpartition("/")[2], one.problem) for one in environment.check()}

    assert {
        ("guest", "pypi", "guest.py", "missing"),
        ("herald", "conda", "herald.py", "changed"),
        ("mine", "pypi", "mine.py", "missing"),
        ("pebble", "conda", "pebble.txt", "missing"),
    } == found
    assert "share/pebble.txt of pebble 1.0 is missing" in map(str, environment.check())


@pytest.mark.parametrize("name", ["herald.py", "home.txt", "guest.py"])
def test_a_change_that_keeps_the_size_is_found_when_contents_are_read(
    environment: ExternalEnvironment, name: str
) -> None:
    path = find(environment, name)
    text = path.read_text(encoding="utf-8")
    overwrite(path, text.replace(text[0], "#", 1))

    assert [] == environment.check()
    assert [name] == [one.path.rpartition("/")[2] for one in environment.check(thorough=True)]


def test_damage_is_mended_and_the_environment_is_still_what_its_recipe_says(
    manager: EnvironmentManager, environment: ExternalEnvironment, recipe: Dependencies
) -> None:
    before = versions(prefix_of(environment))
    for name in ("pebble.txt", "herald.py", "guest.py", "home.txt", "mine.py"):
        find(environment, name).unlink()
    find(environment, "herald").unlink()

    damage = environment.repair()

    assert {"compass", "guest", "herald", "mine", "pebble"} == {one.package for one in damage}
    assert [] == environment.check(thorough=True)
    assert "1.0 1.0" == run(prefix_of(environment), SOURCE)
    assert before == versions(prefix_of(environment))
    assert str(prefix_of(environment)) in find(environment, "home.txt").read_text(encoding="utf-8")
    assert environment is manager.create("tools", recipe)
    environment.launch()


def test_what_was_asked_for_is_still_known_after_a_repair(
    manager: EnvironmentManager, environment: ExternalEnvironment
) -> None:
    find(environment, "herald.py").unlink()
    environment.repair()

    environment.install({"conda": ["lamp"]})

    assert {"compass", "guest", "herald", "lamp", "mine", "pebble"} == set(versions(prefix_of(environment)))


@pytest.mark.parametrize("name", ["herald.py", "guest.py"])
def test_a_file_that_was_changed_in_the_cache_too_is_fetched_again(environment: ExternalEnvironment, name: str) -> None:
    path = find(environment, name)
    with path.open("r+b") as file:
        file.write(b"#")
    assert [name] == [one.path.rpartition("/")[2] for one in environment.check(thorough=True)]

    environment.repair()

    assert [] == environment.check(thorough=True)


def test_a_repair_that_cannot_be_done_leaves_an_environment_that_is_not_reused(
    manager: EnvironmentManager, channel: Channel, tmp_path: Path
) -> None:
    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}
        environment = manager.create("tools", recipe)
    find(environment, "herald.py").unlink()  # type: ignore[arg-type]  # created ones are external
    shutil.rmtree(tmp_path / "cache")

    with pytest.raises(DownloadError, match="could not be reached"):
        manager.repair_environment(environment)

    with pytest.raises(EnvironmentReuseError, match=r"repair\(\) of it was interrupted"):
        manager.create("tools", recipe)
    manager.create("tools", {"conda": ["pebble"]}, replace_existing=True)


def test_an_interrupted_repair_is_done_by_the_next_one(
    manager: EnvironmentManager, environment: ExternalEnvironment, recipe: Dependencies
) -> None:
    find(environment, "herald.py").unlink()

    def interrupt(*_: object, **__: object) -> list[str]:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wetlands._backends.rattler.RattlerBackend.relink", interrupt)
        with pytest.raises(KeyboardInterrupt):
            environment.repair()
    with pytest.raises(EnvironmentReuseError, match="repair it again"):
        manager.create("tools", recipe)

    environment.repair()

    assert environment is manager.create("tools", recipe)
    environment.launch()


def test_an_environment_with_live_workers_is_not_touched(environment: ExternalEnvironment) -> None:
    find(environment, "pebble.txt").unlink()
    environment.launch()

    with pytest.raises(EnvironmentInUseError, match="update"):
        environment.repair()

    assert ["missing"] == [one.problem for one in environment.check()]
    environment.exit()
    environment.repair()
    assert [] == environment.check()


def test_a_damaged_record_of_a_package_is_damage_that_only_a_new_build_mends(
    environment: ExternalEnvironment,
) -> None:
    next((prefix_of(environment) / "conda-meta").glob("pebble-*.json")).write_text("{")

    (damage,) = environment.check()
    assert ("pebble", "1.0", "conda-meta/pebble-1.0-h_0.json") == (damage.package, damage.version, damage.path)
    with pytest.raises(ProvisioningError, match="build it anew"):
        environment.repair()
    environment.update()
    assert [] == environment.check(thorough=True)


def test_a_conda_package_that_pypi_replaced_is_no_damage(
    manager: EnvironmentManager, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "herald", "2.0")

    environment.install({"pip": [f"herald @ {wheel.as_uri()}"]})

    assert "2.0 1.0" == run(prefix_of(environment), SOURCE)
    assert [] == [one for one in environment.check(thorough=True) if "site-packages" in one.path]


def test_an_environment_of_others_is_checked_and_not_repaired(
    manager: EnvironmentManager, environment: ExternalEnvironment
) -> None:
    find(environment, "pebble.txt").unlink()
    with EnvironmentManager(manager.wetlands_instance_path / "other") as other:
        foreign = other.load("theirs", prefix_of(environment))

        assert ["missing"] == [one.problem for one in other.check_environment(foreign)]
        with pytest.raises(EnvironmentNotFoundError, match="made by others"):
            other.repair_environment(foreign)
    assert check(prefix_of(environment))
