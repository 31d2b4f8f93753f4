"""Locks through the manager: shipped, reused, refused, compared and gone back to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from conda_builds import run
from fake_backend import external
from locks import variables
from wetlands import EnvironmentManager, PackageChange
from wetlands._backends.locks.read import read_lock
from wetlands.exceptions import EnvironmentNotFoundError, EnvironmentReuseError, LockError, UnsatisfiableError
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands import Dependencies, Environment

pytestmark = pytest.mark.integration


@pytest.fixture
def base(tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "program"
    write_wheel(folder / "wheels", "voice", "1.0")
    for name, value in variables(folder, channel).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def manager(base: Path) -> Iterator[EnvironmentManager]:
    with EnvironmentManager(base / "an instance (é)") as made:
        yield made


def versions(environment: Environment) -> dict[str, str]:
    packages = environment.environment_manager.get_installed_packages(environment)
    return {package["name"]: package["version"] for package in packages if package["name"] != "python"}


def test_what_an_update_brought_is_told_and_can_be_taken_back(manager: EnvironmentManager, base: Path) -> None:
    environment = external(manager.create("tools", {"pip": ["voice"]}))
    write_wheel(base / "wheels", "voice", "2.0")
    write_wheel(base / "wheels", "voice", "1.5")

    environment.update()
    assert (PackageChange("voice", "pypi", "upgraded", "1.0", "2.0"),) == environment.diff()
    updated = environment.path

    environment.rollback()
    assert {"voice": "1.0"} == versions(environment)
    assert updated != environment.path
    with pytest.raises(EnvironmentNotFoundError, match="Nothing is known of what environment 'tools' was before"):
        environment.rollback()
    assert environment is manager.create("tools", {"pip": ["voice"]})


def test_a_rollback_is_a_task_that_can_be_cancelled_and_asked_again(manager: EnvironmentManager, base: Path) -> None:
    environment = external(manager.create("tools", {"pip": ["voice==1.0"]}))
    write_wheel(base / "wheels", "voice", "2.0")
    with pytest.raises(EnvironmentNotFoundError, match="Nothing is known"):
        environment.rollback_async()
    environment.update({"pip": ["voice"]})

    canceled = environment.rollback_async(start=False)
    canceled.listen(lambda event: canceled.cancel() if event.stage == "install" else None)
    canceled.start().wait_for(60)
    assert "canceled" == canceled.status.value
    assert {"voice": "2.0"} == versions(environment)

    assert environment is environment.rollback_async().wait_for(60).result
    assert {"voice": "1.0"} == versions(environment)


def test_each_rollback_goes_one_further_back(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", {"conda": ["greeter=1.0"]}))
    environment.update({"conda": ["greeter=1.1"]})
    environment.update({"conda": ["greeter=2.*"]})

    environment.rollback()
    assert {"greeter": "1.1", "helper": "1.5"} == versions(environment)
    environment.rollback()
    assert {"greeter": "1.0", "helper": "1.5"} == versions(environment)


def test_what_was_installed_by_hand_is_part_of_what_is_gone_back_to(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", {"conda": ["pebble"]}))
    environment.install({"conda": ["lamp"], "pip": ["voice"]})
    environment.update({"conda": ["greeter=1.1"]})

    environment.rollback()

    assert {"lamp": "1.0", "pebble": "1.0", "voice": "1.0"} == versions(environment)


def test_workers_go_on_with_what_they_have_while_it_is_gone_back(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", {"conda": ["greeter=1.1"]}))
    environment.update({"conda": ["greeter=2.*"]})
    environment.launch()

    environment.rollback()

    assert "2.0" == environment.execute("importlib.metadata", "version", ("greeter",))
    environment.exit()
    environment.launch()
    assert "1.1" == environment.execute("importlib.metadata", "version", ("greeter",))


def test_a_lock_that_was_exported_builds_the_same_elsewhere(manager: EnvironmentManager, base: Path) -> None:
    recipe: Dependencies = {"conda": ["greeter=1.*"], "pip": ["voice"]}
    first = external(manager.create("first", recipe))
    lock = first.lock(base / "pixi.lock")
    write_wheel(base / "wheels", "voice", "3.0")

    second = external(manager.create("second", recipe, lock=lock))
    third = external(manager.create("third", lock=lock))

    assert () == second.diff(first)
    assert () == third.diff(lock)
    assert second is manager.create("second", recipe, lock=lock)


def test_another_lock_for_the_same_recipe_is_no_reuse_and_says_what_differs(
    manager: EnvironmentManager, base: Path
) -> None:
    old = external(manager.create("old", {"pip": ["voice"]})).lock(base / "pixi.lock")
    write_wheel(base / "wheels", "voice", "2.0")
    manager.create("new", {"pip": ["voice"]})

    with pytest.raises(EnvironmentReuseError) as caught:
        manager.create("new", {"pip": ["voice"]}, lock=old)

    assert ("by the lock: downgraded voice 2.0 -> 1.0 (pypi)",) == caught.value.reasons
    assert {"voice": "1.0"} == versions(manager.create("new", {"pip": ["voice"]}, replace_existing=True, lock=old))


def test_an_update_ignores_the_lock_it_was_created_with(manager: EnvironmentManager, base: Path) -> None:
    lock = manager.lock({"pip": ["voice"]}, base / "pixi.lock")
    environment = external(manager.create("tools", {"pip": ["voice"]}, lock=lock))
    write_wheel(base / "wheels", "voice", "2.0")

    environment.update()
    assert {"voice": "2.0"} == versions(environment)
    environment.update(lock=lock)
    assert {"voice": "1.0"} == versions(environment)


def test_a_lock_covers_the_platforms_it_was_made_for(manager: EnvironmentManager, base: Path) -> None:
    recipe: Dependencies = {
        "conda": [{"name": "greeter=1.*", "platforms": ["linux-64"], "optional": True}, "pebble", "helper"]
    }
    # The channel of the tests has a Python for Linux only: no other platform can have it.
    lock = manager.lock(recipe, base / "pixi.lock", platforms=["linux-64"])
    text = lock.read_text(encoding="utf-8")

    assert "  - __glibc=2.28" in text
    with pytest.raises(UnsatisfiableError, match="python"):
        manager.lock(recipe, base / "other.lock", platforms=["osx-arm64"])
    assert not (base / "other.lock").exists()
    lock.write_text(text.replace("linux-64", "win-64"), encoding="utf-8")
    with pytest.raises(LockError, match=r"has nothing for this machine, which is linux-64 \(it covers: win-64\)"):
        manager.create("tools", recipe, lock=lock)


def test_pypi_packages_are_locked_for_other_platforms(manager: EnvironmentManager, base: Path) -> None:
    write_wheel(base / "wheels", "singer", requires=["voice; sys_platform == 'win32'"])

    lock = manager.lock({"pip": ["singer"]}, base / "pixi.lock", platforms=["linux-64", "win-64"])

    names = [line for line in lock.read_text(encoding="utf-8").splitlines() if "pypi:" in line]
    assert 1 + 2 == sum(line.startswith("      -") for line in names)
    assert {"singer": "1.0"} == versions(manager.create("tools", {"pip": ["singer"]}, lock=lock))


def test_packages_of_pypi_are_locked_with_what_conda_gives(manager: EnvironmentManager, base: Path) -> None:
    write_wheel(base / "wheels", "choir", requires=["helper>=1"])

    lock = manager.lock({"conda": ["greeter=1.*"], "pip": ["choir"]}, base / "pixi.lock")
    environment = external(manager.create("tools", {"conda": ["greeter=1.*"], "pip": ["choir"]}, lock=lock))

    assert {"choir": "1.0", "greeter": "1.1", "helper": "1.5"} == versions(environment)
    assert "1.5" == run(environment.prefix.path, "import helper; print(helper.VERSION)")


def test_what_is_newer_than_the_limit_is_not_seen(manager: EnvironmentManager, base: Path) -> None:
    with pytest.raises(UnsatisfiableError):
        manager.create("old", {"conda": ["pebble"]}, exclude_newer="2001-01-01")

    manager.create("new", {"conda": ["pebble"]}, exclude_newer="2999-01-01")
    with pytest.raises(EnvironmentReuseError, match="exclude_newer 2999-01-01 is now P7D"):
        manager.create("new", {"conda": ["pebble"]}, exclude_newer=timedelta(days=7))


def test_the_lock_of_pixi_is_read_with_the_environment_of_the_name(
    manager: EnvironmentManager, base: Path, channel: Channel
) -> None:
    path = manager.lock({"conda": ["pebble"]}, base / "pixi.lock")
    text = path.read_text(encoding="utf-8").replace("wetlands-python", "# wetlands-python")
    path.write_text(text.replace("  default:\n", "  lights:\n"), encoding="utf-8")
    manifest = base / "pixi.toml"
    channels = json.dumps([channel.url])
    manifest.write_text(f'[workspace]\nchannels = {channels}\nplatforms = ["linux-64"]\n[dependencies]\npebble = "*"\n')

    environment = external(manager.create_from_config("lights", manifest, lock=path))

    assert {"pebble": "1.0"} == versions(environment)


def test_a_config_file_is_locked_for_several_platforms(manager: EnvironmentManager, base: Path) -> None:
    write_wheel(base / "wheels", "singer", requires=["voice; sys_platform == 'win32'"])
    config = base / "requirements.txt"
    config.write_text("singer\nchoir ; sys_platform == 'win32'\n", encoding="utf-8")
    write_wheel(base / "wheels", "choir")

    lock = manager.lock_config(config, base / "pixi.lock", platforms=["linux-64", "win-64"])
    environment = external(manager.create_from_config("tools", config, lock=lock))

    read = read_lock(lock)
    locked = {platform.name: [package.name for package in platform.packages] for platform in read.platforms}
    assert {"linux-64": ["singer"], "win-64": ["choir", "singer", "voice"]} == locked
    assert {"singer": "1.0"} == versions(environment)
    assert () == environment.diff(lock)


def test_the_conda_and_pip_parts_of_an_environment_yml_are_locked(
    manager: EnvironmentManager, base: Path, channel: Channel
) -> None:
    config = base / "environment.yml"
    config.write_text(
        f"channels: [{json.dumps(channel.url)}, nodefaults]\ndependencies: [greeter=1.*, pip: [voice]]\n",
        encoding="utf-8",
    )

    lock = manager.lock_config(config, base / "pixi.lock")
    write_wheel(base / "wheels", "voice", "2.0")
    environment = external(manager.create_from_config("tools", config, lock=lock))

    assert {"greeter": "1.1", "helper": "1.5", "voice": "1.0"} == versions(environment)


def test_what_a_crash_left_beside_a_lock_does_not_stop_the_next_one(manager: EnvironmentManager, base: Path) -> None:
    left = base / ".pixi.lock.tmp"
    left.write_text("half", encoding="utf-8")

    lock = manager.lock({"pip": ["voice"]}, base / "pixi.lock")

    assert "voice" in lock.read_text(encoding="utf-8")
    assert [left, lock] == sorted(path for path in base.iterdir() if "pixi.lock" in path.name)


def test_a_folder_that_is_missing_is_told_before_anything_is_resolved(manager: EnvironmentManager, base: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder to write a lock into.*missing"):
        manager.lock({"pip": ["nobody-has-this"]}, base / "missing" / "pixi.lock")
