from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend, Watcher, contents, external, spec_of
from wetlands.exceptions import (
    EnvironmentInUseError,
    EnvironmentNotFoundError,
    EnvironmentReuseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wetlands._spec import Dependencies
    from wetlands.environment_manager import EnvironmentManager

NUMPY: Dependencies = {"pip": ["numpy==2.2.4"]}
SCIPY: Dependencies = {"pip": ["scipy"]}


def made_by_others(place: Path) -> Path:
    FakeBackend().build(spec_of(), place, Watcher())
    return place


def test_a_name_is_loaded_whatever_its_recipe(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    created = manager.create("tools", NUMPY)

    other = new_manager()
    loaded = other.load("tools")

    assert loaded.path == created.path
    assert other.load("tools") is loaded
    assert other.create("tools", NUMPY) is loaded
    assert manager.load("tools") is created


def test_loading_what_does_not_exist_says_what_does(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY)

    with pytest.raises(EnvironmentNotFoundError, match="Did you mean 'tools'"):
        manager.load("tool")


def test_an_environment_of_others_is_opened_and_left_to_them(manager: EnvironmentManager, tmp_path: Path) -> None:
    place = made_by_others(tmp_path / "theirs")

    environment = manager.load("mine", place)

    assert environment.path == place
    assert manager.load("mine", place) is environment
    with pytest.raises(EnvironmentReuseError, match="theirs"):
        manager.load("mine", made_by_others(tmp_path / "second"))
    with pytest.raises(EnvironmentReuseError, match="theirs"):
        manager.create("mine", NUMPY)
    with pytest.raises(EnvironmentReuseError, match="theirs"):
        manager.load("mine")
    with pytest.raises(EnvironmentNotFoundError, match="made by others"):
        manager.delete_environment(environment)
    with pytest.raises(EnvironmentNotFoundError, match="made by others"):
        manager.update_environment(environment)
    assert place.is_dir()


def test_packages_are_installed_into_an_environment_of_others(manager: EnvironmentManager, tmp_path: Path) -> None:
    environment = manager.load("mine", made_by_others(tmp_path / "theirs"))

    assert manager.install(environment, SCIPY, ["echo done"]) == ["+ scipy==1.0", "done"]
    assert [package["name"] for package in manager.get_installed_packages(environment)] == ["scipy"]


def test_installing_returns_the_output_and_a_later_create_says_so(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    environment = manager.create("tools", NUMPY)

    assert manager.install(environment, SCIPY) == ["+ scipy==1.0"]

    assert [("numpy", "1.0", "pypi"), ("scipy", "1.0", "pypi")] == [
        tuple(package.values()) for package in manager.get_installed_packages(environment)
    ]
    for one in (manager, new_manager()):
        with pytest.raises(EnvironmentReuseError, match=r"install\(\) added scipy"):
            one.create("tools", NUMPY)
    assert manager.load("tools") is environment


def test_updating_takes_the_stored_recipe_again(manager: EnvironmentManager, backend: FakeBackend) -> None:
    environment = manager.create("tools", NUMPY, ["echo hello"])
    old = environment.path
    manager.install(environment, SCIPY)

    manager.update_environment(environment)

    assert old != environment.path
    assert backend.builds == 2
    assert ["numpy"] == [package["name"] for package in manager.get_installed_packages(environment)]
    assert manager.create("tools", NUMPY, ["echo hello"]) is environment


def test_updating_to_another_recipe_keeps_the_commands_unless_told(manager: EnvironmentManager) -> None:
    environment = manager.create("tools", NUMPY, ["echo hello"])

    manager.update_environment(environment, SCIPY)
    assert manager.create("tools", SCIPY, ["echo hello"]) is environment
    manager.update_environment(environment, SCIPY, [])
    assert manager.create("tools", SCIPY) is environment


def test_an_exited_environment_can_be_updated_and_deleted(manager: EnvironmentManager) -> None:
    environment = manager.create("tools", NUMPY)
    environment.exit()
    old = environment.path

    manager.update_environment(environment)
    assert old != environment.path
    assert manager.create("tools", NUMPY) is environment
    environment.exit()
    manager.delete_environment(environment)
    assert contents(manager._store) == []


def test_a_deleted_environment_is_gone_and_its_name_free(manager: EnvironmentManager) -> None:
    environment = manager.create("tools", NUMPY)

    manager.delete_environment(environment)

    assert manager.environments == {}
    assert not manager.environment_exists("tools")
    assert contents(manager._store) == []
    again = manager.create("tools", SCIPY)
    assert again is not environment
    for refused in (manager.delete_environment, manager.update_environment, manager.mark_in_use):
        with pytest.raises(EnvironmentNotFoundError, match="was deleted"):
            refused(external(environment))
    with pytest.raises(EnvironmentNotFoundError, match="was deleted"):
        manager.install(environment, SCIPY)
    assert manager.environments == {"tools": again}


def test_neither_this_process_nor_environments_of_other_managers_are_changed(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    theirs = new_manager().create("tools", NUMPY)

    for environment in (manager.main_environment, theirs):
        with pytest.raises(EnvironmentNotFoundError, match="another manager"):
            manager.delete_environment(environment)
        with pytest.raises(EnvironmentNotFoundError, match="another manager"):
            manager.install(environment, SCIPY)


def test_an_environment_with_live_workers_is_not_deleted(
    manager: EnvironmentManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = manager.create("tools", NUMPY)
    monkeypatch.setattr(environment, "launched", lambda: True)

    with pytest.raises(EnvironmentInUseError, match=r"exit\(\)"):
        manager.delete_environment(environment)

    assert manager.environment_exists("tools")


def test_an_environment_that_another_program_uses_is_not_deleted(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    environment, other = manager.create("tools", NUMPY), new_manager()
    mark = other.mark_in_use(external(other.load("tools")))
    assert mark is not None

    with pytest.raises(EnvironmentInUseError, match=f"process {os.getpid()}"):
        manager.delete_environment(environment)

    mark.release()
    manager.delete_environment(environment)


def test_who_launches_after_another_program_built_the_same_anew_gets_the_new_one(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    environment = external(manager.create("tools", NUMPY))
    new = new_manager().create("tools", NUMPY, replace_existing=True)

    mark = manager.mark_in_use(environment)

    assert mark is not None
    assert environment.path == new.path
    mark.release()


def test_who_launches_after_another_program_built_something_else_is_told(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    environment = external(manager.create("tools", NUMPY))
    new_manager().create("tools", SCIPY, replace_existing=True)

    with pytest.raises(EnvironmentReuseError, match="added scipy"):
        manager.mark_in_use(environment)


def test_who_launches_after_another_program_deleted_it_is_told(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    environment, other = external(manager.create("tools", NUMPY)), new_manager()
    other.delete_environment(other.load("tools"))

    with pytest.raises(EnvironmentNotFoundError):
        manager.mark_in_use(environment)


def test_environments_exist_by_name_and_by_folder(manager: EnvironmentManager, tmp_path: Path) -> None:
    environment = manager.create("tools", NUMPY)
    assert environment.path is not None

    assert manager.environment_exists("tools")
    assert manager.environment_exists(environment.path)
    assert manager.environment_exists(str(environment.path))
    assert not manager.environment_exists("other")
    assert not manager.environment_exists(tmp_path)


def test_the_packages_of_this_very_process_are_listed(manager: EnvironmentManager) -> None:
    assert "pytest" in [package["name"] for package in manager.get_installed_packages(manager.main_environment)]


def test_collecting_is_a_dry_run_unless_told_and_leaves_what_is_open(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    manager.create("tools", NUMPY)
    other = new_manager()

    assert ["open in this program"] == [item.reason for item in manager.collect(max_size=0, dry_run=False).kept]
    assert ["tools"] == [item.name for item in other.collect(max_size=0).removed]
    assert other.environment_exists("tools")
    assert ["tools"] == [item.name for item in other.collect(max_size=0, dry_run=False).removed]
    assert not other.environment_exists("tools")


def test_creating_again_and_loading_count_as_uses(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    path = manager.create("tools", NUMPY).path
    assert path is not None
    gate = path.with_name(f"{path.name}.users")

    os.utime(gate, (1_000_000_000, 1_000_000_000))
    manager.create("tools", NUMPY)
    assert gate.stat().st_mtime > 1_000_000_000

    os.utime(gate, (1_000_000_000, 1_000_000_000))
    new_manager().load("tools")
    assert gate.stat().st_mtime > 1_000_000_000
