from __future__ import annotations

import gc
import os
import subprocess
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from wetlands._backends.choose import Manager
from wetlands._launch import ending
from wetlands._platform.names import current_platform
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import (
    EnvironmentReuseError,
    InvalidDependencyError,
    InvalidNameError,
    ProvisioningError,
    RecordError,
    UnsupportedPythonError,
)
from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from fake_backend import FakeBackend
    from wetlands._spec import Dependencies, PlatformName

NUMPY: Dependencies = {"pip": ["numpy==2.2.4"]}
SCIPY: Dependencies = {"pip": ["scipy"]}


def test_making_a_manager_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)

    EnvironmentManager(tmp_path / "instance")

    assert list(tmp_path.iterdir()) == []


def test_a_relative_instance_path_is_that_of_the_moment_the_manager_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert EnvironmentManager("here").wetlands_instance_path == tmp_path / "here"


def test_the_main_environment_has_its_name(manager: EnvironmentManager) -> None:
    assert manager.main_environment.name == "wetlands_main"
    assert manager.environments == {}


@pytest.mark.parametrize("known", get_args(Manager))
def test_the_backends_of_the_interface_are_accepted(tmp_path: Path, known: Manager) -> None:
    EnvironmentManager(tmp_path, manager=known)


def test_another_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="auto, rattler, uv, pixi, micromamba"):
        EnvironmentManager(tmp_path, manager="conda")  # type: ignore[arg-type]  # what a user may write


def test_a_manager_that_nobody_holds_is_not_kept_for_the_end_of_the_program(tmp_path: Path) -> None:
    reference = weakref.ref(EnvironmentManager(tmp_path))

    gc.collect()

    assert reference() is None


def test_what_was_not_exited_is_when_the_program_ends() -> None:
    exited = []

    class Thing:
        def exit(self) -> None:
            exited.append(self)

    thing = Thing()
    ending.end_with_program(thing)
    others = weakref.WeakKeyDictionary(ending._living)
    ending._living.clear()
    ending.end_with_program(thing)
    try:
        ending._end_all()
    finally:
        ending._living.clear()
        ending._living.update(others)
        del ending._living[thing]

    assert exited == [thing]


def test_a_forked_child_does_not_end_what_belongs_to_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing:
        def exit(self) -> None:
            raise AssertionError("ended by a child")

    thing = Thing()
    monkeypatch.setattr(ending, "_living", weakref.WeakKeyDictionary({thing: os.getpid() + 1}))

    ending._end_all()


def test_the_same_name_and_recipe_again_is_the_same_object(manager: EnvironmentManager, backend: FakeBackend) -> None:
    first = manager.create("tools", NUMPY)

    assert manager.create("tools", {"pip": ["numpy == 2.2.4"]}) is first
    assert manager.environments == {"tools": first}
    assert backend.builds == 1


def test_another_manager_reuses_what_is_there_within_milliseconds(
    new_manager: Callable[[], EnvironmentManager], backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_manager().create("tools", NUMPY)
    other = new_manager()

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(other._workshop, "_choose", refuse)

    environment = other.create("tools", NUMPY)

    assert environment.path == other.environments["tools"].path
    assert backend.builds == 1


def test_another_recipe_of_a_name_is_refused_with_what_differs(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY)

    with pytest.raises(EnvironmentReuseError, match=r"removed numpy==2\.2\.4; added scipy.*replace_existing=True"):
        manager.create("tools", SCIPY)


def test_install_commands_are_part_of_the_recipe(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY, ["echo one"])

    with pytest.raises(EnvironmentReuseError, match="install commands changed"):
        manager.create("tools", NUMPY, ["echo two"])


def test_replacing_keeps_the_object_and_switches_it(manager: EnvironmentManager, backend: FakeBackend) -> None:
    first = manager.create("tools", NUMPY)
    old = first.path

    second = manager.create("tools", SCIPY, replace_existing=True)

    assert first is second
    assert old != second.path
    assert backend.builds == 2


def test_replacing_builds_anew_also_when_the_recipe_is_the_same(
    manager: EnvironmentManager, backend: FakeBackend
) -> None:
    manager.create("tools", NUMPY)
    manager.create("tools", NUMPY, replace_existing=True)

    assert backend.builds == 2


def test_a_replacement_that_fails_leaves_the_old_one_working(manager: EnvironmentManager, backend: FakeBackend) -> None:
    environment = manager.create("tools", NUMPY)
    old = environment.path

    def fail(place: str) -> None:
        raise ProvisioningError("no such package")

    backend.sabotage = fail
    with pytest.raises(ProvisioningError, match="no such package"):
        manager.create("tools", SCIPY, replace_existing=True)

    assert manager.create("tools", NUMPY) is environment
    assert old == environment.path
    assert manager.environment_exists("tools")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "CON",
        "nul.txt",
        "dot.",
        "blank ",
        "a:b",
        Path("x"),
        7,
        None,
        "wetlands_main",
    ],
)
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_touched(
    manager: EnvironmentManager, name: object
) -> None:
    with pytest.raises(InvalidNameError):
        manager.create(name, NUMPY)  # type: ignore[arg-type]  # what a user may write

    assert not manager.wetlands_instance_path.exists()


def test_a_name_that_differs_by_case_only_is_refused(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager]
) -> None:
    manager.create("Tools", NUMPY)

    for one in (manager, new_manager()):
        with pytest.raises(InvalidNameError, match="'Tools' exists"):
            one.create("tools", NUMPY)


@pytest.mark.parametrize("name", ["cell pose (2)", "análisis", "环境", "a.b", "x" * 100])
def test_blanks_parentheses_and_letters_of_any_script_are_fine(manager: EnvironmentManager, name: str) -> None:
    assert manager.create(name, NUMPY).name == name


@pytest.mark.parametrize("recipe", [["numpy"], "numpy", 7, {"pips": []}, {"pip": "numpy"}, {"pip": ["conda-forge::x"]}])
def test_a_recipe_that_cannot_be_understood_is_refused_before_anything_is_touched(
    manager: EnvironmentManager, recipe: object
) -> None:
    with pytest.raises(InvalidDependencyError):
        manager.create("tools", recipe)  # type: ignore[arg-type]  # what a user may write

    assert not manager.wetlands_instance_path.exists()


def test_a_python_that_no_worker_runs_on_is_refused(manager: EnvironmentManager) -> None:
    with pytest.raises(UnsupportedPythonError):
        manager.create("tools", {"python": "3.7"})


def test_two_threads_that_create_the_same_get_the_same_object_from_one_build(
    manager: EnvironmentManager, backend: FakeBackend
) -> None:
    barrier = threading.Barrier(4)
    results: list[object] = []

    def create() -> None:
        barrier.wait(10)
        results.append(manager.create("tools", NUMPY))

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(results) == 4
    assert len({id(result) for result in results}) == 1
    assert backend.builds == 1


def test_who_waits_for_another_thread_says_so_in_the_log(
    manager: EnvironmentManager, backend: FakeBackend, records: list[logging.LogRecord]
) -> None:
    building, waited = threading.Event(), threading.Event()
    handler = attach_log_handler(lambda record: waited.set() if "waiting for it" in record.getMessage() else None)

    def hold(place: str) -> None:
        building.set()
        assert waited.wait(10)

    backend.sabotage = hold
    first = threading.Thread(target=manager.create, args=("tools", NUMPY))
    first.start()
    assert building.wait(10)
    manager.create("tools", NUMPY)
    first.join(10)
    logger.removeHandler(handler)

    (said,) = [record for record in records if "waiting for it" in record.getMessage()]
    assert "another thread of this process" in said.getMessage()
    assert vars(said)["env_name"] == "tools"


def test_the_backend_and_the_reason_are_logged_and_stored(
    manager: EnvironmentManager, records: list[logging.LogRecord]
) -> None:
    manager.create("tools", NUMPY)

    assert "Building with fake: it is a test." in [record.getMessage() for record in records]
    record = manager._store.record("tools")
    assert record is not None
    assert (record.backend, record.reason) == ("fake", "it is a test")


def test_a_damaged_record_is_an_error_that_replacing_heals(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY)
    manager._store.layout.record("tools").write_text('{"format": 1', encoding="utf-8")

    with pytest.raises(RecordError, match="replace_existing=True"):
        manager.create("tools", NUMPY)
    assert manager.create("tools", NUMPY, replace_existing=True) is manager.create("tools", NUMPY)


def test_what_is_for_other_platforms_only_changes_nothing(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager], backend: FakeBackend
) -> None:
    other: PlatformName = "win-64" if current_platform() != "win-64" else "linux-64"
    filtered: Dependencies = {"pip": ["numpy", {"name": "pywin32", "platforms": [other], "optional": True}]}
    manager.create("tools", filtered)

    new_manager().create("tools", {"pip": ["numpy"]})

    assert 1 == backend.builds


def test_spellings_of_one_requirement_are_one_and_a_prefix_is_no_exact_version(
    manager: EnvironmentManager, new_manager: Callable[[], EnvironmentManager], backend: FakeBackend
) -> None:
    manager.create("tools", {"conda": ["numpy=1.26"]})

    new_manager().create("tools", {"conda": ["NumPy 1.26.*"]})
    with pytest.raises(EnvironmentReuseError, match=r"numpy"):
        new_manager().create("tools", {"conda": ["numpy==1.26"]})

    assert 1 == backend.builds
