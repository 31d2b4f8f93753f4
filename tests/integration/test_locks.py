"""Locks of real environments: what was built is written down, and built again exactly, or refused with the reason."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from conda_builds import run, versions
from conda_server import served
from locks import built, built_from
from projects import write_project
from wetlands._backends.locks.read import for_this_machine, read_lock
from wetlands.exceptions import CommandFailedError, LockError, ProvisioningError
from wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._backends.locks.model import LockedPackage
    from wetlands._spec import Dependencies

pytestmark = pytest.mark.integration


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "program (of é)"
    write_wheel(folder / "wheels", "singer", "1.0", requires=["voice>=1"])
    write_wheel(folder / "wheels", "voice", "1.0")
    return folder


def test_an_environment_from_pypi_is_built_again_exactly_when_newer_versions_came(base: Path) -> None:
    lock = built({"pip": ["singer"]}, base / "first", base)
    write_wheel(base / "wheels", "voice", "2.0")

    observer = built_from(lock, {"pip": ["singer"]}, base / "second", base)

    assert {"singer": "1.0", "voice": "1.0"} == versions(base / "second")
    assert "solve" not in observer.stages
    assert {"singer": 64, "voice": 64} == {one.name: len(one.sha256) for one in _packages(lock)}


def test_an_environment_of_conda_and_pypi_packages_is_built_again_exactly(channel: Channel, base: Path) -> None:
    recipe: Dependencies = {"conda": ["greeter=1.*"], "pip": ["singer"]}
    lock = built(recipe, base / "first", base, channel)

    built_from(lock, recipe, base / "second", base, channel)

    assert {"greeter": "1.1", "helper": "1.5", "singer": "1.0", "voice": "1.0"} == versions(base / "second")
    assert versions(base / "first") == versions(base / "second")
    assert "1.5" == run(base / "second", "import helper, singer; print(helper.VERSION)")
    hashed = [one for one in _packages(lock) if one.sha256]
    assert {"greeter", "helper", "python", "singer", "voice"} == {one.name for one in hashed}


def test_a_lock_alone_is_a_recipe(channel: Channel, base: Path) -> None:
    lock = built({"conda": ["pebble"], "pip": ["voice"]}, base / "first", base, channel)

    built_from(lock, None, base / "second", base, channel)

    assert {"pebble": "1.0", "voice": "1.0"} == versions(base / "second")


def test_of_a_local_package_the_place_is_locked_and_its_content_is_not(base: Path) -> None:
    module = write_project(base / "mine", "mine")
    recipe: Dependencies = {
        "pip": ["voice"],
        "local": [{"name": "mine", "path": str(base / "mine"), "editable": False}],
    }
    lock = built(recipe, base / "first", base)
    module.write_text("WORD = 'changed'\n", encoding="utf-8")

    built_from(lock, recipe, base / "second", base)

    assert '- pypi: "./mine"' in lock.read_text(encoding="utf-8")
    assert "changed" == run(base / "second", "import mine; print(mine.WORD)")


def test_a_lock_moves_with_its_program(base: Path, tmp_path: Path) -> None:
    write_project(base / "mine", "mine")
    lock = built({"local": [{"name": "mine", "path": str(base / "mine")}]}, base / "first", base)
    moved = tmp_path / "elsewhere"
    shutil.copytree(base / "mine", moved / "mine")
    (moved / "wheels").mkdir()
    shutil.copy(lock, moved / "pixi.lock")

    built_from(moved / "pixi.lock", None, moved / "second", moved)

    assert "hello" == run(moved / "second", "import mine; print(mine.WORD)")


def test_a_file_of_pypi_that_is_not_the_one_that_was_locked_is_refused(base: Path) -> None:
    lock = built({"pip": ["voice"]}, base / "first", base)
    (base / "wheels" / "voice-1.0-py3-none-any.whl").unlink()
    write_wheel(base / "wheels", "voice", "1.0", requires=["malice"])
    shutil.rmtree(base / "uv-cache")

    with pytest.raises(LockError, match=r"not the one that was locked.*voice"):
        built_from(lock, {"pip": ["voice"]}, base / "second", base)


def test_a_conda_package_that_is_not_the_one_that_was_locked_is_refused(channel: Channel, base: Path) -> None:
    lock = built({"conda": ["pebble"]}, base / "first", base, channel)
    pebble = next(one for one in _packages(lock) if one.name == "pebble")
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace(pebble.sha256, "0" * 64), encoding="utf-8")

    with pytest.raises(LockError, match=f"pebble.* has sha256 {pebble.sha256}, and {'0' * 64} was locked"):
        built_from(lock, {"conda": ["pebble"]}, base / "second", base, channel)


def test_a_package_that_is_gone_is_named(channel: Channel, base: Path) -> None:
    lock = built({"pip": ["voice"]}, base / "first", base)
    (base / "wheels" / "voice-1.0-py3-none-any.whl").unlink()
    shutil.rmtree(base / "uv-cache")

    with pytest.raises(CommandFailedError, match=r"voice-1\.0-py3-none-any\.whl"):
        built_from(lock, {"pip": ["voice"]}, base / "second", base)


def test_a_lock_that_lacks_what_the_recipe_asks_for_is_refused_with_each_reason(channel: Channel, base: Path) -> None:
    lock = built({"conda": ["greeter=1.*"], "pip": ["voice"]}, base / "first", base, channel)

    with pytest.raises(LockError) as caught:
        built_from(lock, {"conda": ["greeter=2.*", "lamp"], "pip": ["voice>=2"]}, base / "second", base, channel)

    assert (
        "the recipe asks for greeter 2.*, and the lock has greeter 1.1 pyh_0",
        "the recipe asks for lamp, and the lock has no conda package lamp",
        "the recipe asks for voice>=2, and the lock has voice 1.0",
    ) == caught.value.reasons
    assert not (base / "second").exists()


def _packages(lock: Path) -> tuple[LockedPackage, ...]:
    return for_this_machine(read_lock(lock)).packages


def test_a_conda_package_that_was_changed_on_its_server_is_refused(channel: Channel, base: Path) -> None:
    with served(channel.main) as server:
        own = {"RATTLER_CACHE_DIR": str(base / "cache")}
        recipe: Dependencies = {"conda": ["pebble"], "channels": [server.url, "nodefaults"]}
        lock = built(recipe, base / "first", base, channel)
        pebble = next(one for one in _packages(lock) if one.name == "pebble")
        lock.write_text(lock.read_text(encoding="utf-8").replace(pebble.sha256, "0" * 64), encoding="utf-8")

        with pytest.raises(ProvisioningError, match="pebble"):
            built_from(lock, {"conda": ["pebble"]}, base / "second", base, channel, **own)
