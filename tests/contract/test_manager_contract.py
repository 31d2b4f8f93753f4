"""What a manager keeps whatever builds its environments: one function per promise, run with every real backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fake_backend import contents
from tools import program, variables
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import EnvironmentReuseError, LockError, ProvisioningCanceledError, ProvisioningError
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands.environment import Environment
    from wetlands.task import TaskEvent

pytestmark = pytest.mark.integration

NAME = "tools"


@pytest.fixture(params=["rattler", "uv", "pixi", "micromamba"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    channel: Channel = request.getfixturevalue("channel")
    for name, value in variables(channel, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    chosen: str = request.param
    if chosen in {"pixi", "micromamba"}:
        program(chosen, tmp_path / chosen)  # type: ignore[arg-type]
    return chosen


@pytest.fixture
def new_manager(kind: str, tmp_path: Path) -> Iterator[Callable[[], EnvironmentManager]]:
    made = []

    def make() -> EnvironmentManager:
        conda_path = tmp_path / kind if kind in {"pixi", "micromamba"} else None
        manager = EnvironmentManager(tmp_path / "instance (of é)", conda_path, manager=kind)  # type: ignore[arg-type]
        made.append(manager)
        return manager

    yield make
    for manager in made:
        manager.exit()


@pytest.fixture
def manager(new_manager: Callable[[], EnvironmentManager]) -> EnvironmentManager:
    return new_manager()


@pytest.fixture
def recipe(kind: str, tmp_path: Path) -> Dependencies:
    """A package of PyPI, and where conda packages can be had one of those."""
    wheel = write_wheel(tmp_path / "wheels", "second")
    wanted: Dependencies = {"pip": [f"second @ {wheel.as_uri()}"]}
    if kind != "uv":
        wanted["conda"] = ["greeter=1.*"]
    return wanted


def record(manager: EnvironmentManager) -> dict[str, object]:
    path = manager.wetlands_instance_path / "envs" / NAME / "environment.json"
    read: dict[str, object] = json.loads(path.read_bytes())
    return read


def names_in(manager: EnvironmentManager, environment: Environment) -> set[str]:
    return {package["name"] for package in manager.get_installed_packages(environment)}


def test_an_environment_is_created_listed_activated_and_run(
    kind: str, manager: EnvironmentManager, recipe: Dependencies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where its commands are run
    environment = manager.create(NAME, recipe, ["echo ran > ran.txt"])

    assert "ran" == (tmp_path / "ran.txt").read_text(encoding="utf-8").strip()
    assert kind == record(manager)["backend"]
    assert {"second", *(["greeter", "helper"] if kind != "uv" else [])} <= names_in(manager, environment)
    process = manager.execute_commands(environment, ["python -c 'import second; print(second.VERSION)'"], log=False)
    assert process.stdout is not None
    assert "1.0" == process.stdout.read().strip()
    process.stdout.close()
    environment.launch()
    assert environment.path is not None
    variable = "VIRTUAL_ENV" if kind == "uv" else "CONDA_PREFIX"
    assert str(environment.path) == environment.execute("os", "getenv", args=(variable,))
    where = str(environment.execute("shutil", "which", args=("python",)))
    assert where.startswith(str(environment.path))


def test_the_same_recipe_is_reused_and_another_one_refused(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager], recipe: Dependencies
) -> None:
    manager.create(NAME, recipe)
    before = record(manager)

    assert new_manager().create(NAME, recipe).path == manager.environments[NAME].path
    assert before == record(manager)
    with pytest.raises(EnvironmentReuseError, match="second"):
        manager.create(NAME, {})


def test_a_replacement_that_fails_leaves_the_old_one_and_one_that_succeeds_switches(
    manager: EnvironmentManager, recipe: Dependencies
) -> None:
    environment = manager.create(NAME, recipe)
    before = record(manager)

    with pytest.raises(ProvisioningError, match="missing-for-sure"):
        manager.create(NAME, {"pip": ["missing-for-sure"]}, replace_existing=True)
    assert before == record(manager)
    assert "second" in names_in(manager, environment)
    assert manager.create(NAME, {}, replace_existing=True) is environment

    assert before["generation"] != record(manager)["generation"]
    assert "second" not in names_in(manager, environment)


def test_a_build_that_is_cancelled_leaves_nothing(manager: EnvironmentManager, recipe: Dependencies) -> None:
    task = manager.create_async(NAME, recipe, start=False)

    def cancel(event: TaskEvent) -> None:
        if task.stage not in {None, "", "create"}:
            task.cancel()

    task.listen(cancel)
    task.start().wait_for(60)

    assert isinstance(task.exception, ProvisioningCanceledError) or task.status.name == "CANCELED"
    assert not manager.environment_exists(NAME)
    assert [] == [entry for entry in contents(manager._store) if "users" not in entry]


def test_packages_are_added(manager: EnvironmentManager, recipe: Dependencies, tmp_path: Path) -> None:
    environment = manager.create(NAME, recipe)
    third = write_wheel(tmp_path / "wheels", "third")

    manager.install(environment, {"pip": [f"third @ {third.as_uri()}"]})

    assert {"second", "third"} <= names_in(manager, environment)
    with pytest.raises(EnvironmentReuseError, match="third"):
        manager.create(NAME, recipe)


def test_an_environment_is_removed(manager: EnvironmentManager, recipe: Dependencies) -> None:
    environment = manager.create(NAME, recipe)

    manager.delete_environment(environment)

    assert not manager.environment_exists(NAME)
    assert [] == contents(manager._store)


def test_a_lock_is_written_and_builds_the_same_again(
    kind: str, manager: EnvironmentManager, recipe: Dependencies, channel: Channel
) -> None:
    environment = manager.create(NAME, recipe)
    lock = manager.wetlands_instance_path / "shipped.lock"
    manager.export_lock(environment, lock)
    before = manager.get_installed_packages(environment)

    again = manager.create("again", recipe, lock=lock)

    assert before == manager.get_installed_packages(again)
    assert (
        kind
        == json.loads((manager.wetlands_instance_path / "envs" / "again" / "environment.json").read_bytes())["backend"]
    )
    with pytest.raises(LockError, match="third"):
        manager.create("other", {**recipe, "pip": ["third"]}, lock=lock)
