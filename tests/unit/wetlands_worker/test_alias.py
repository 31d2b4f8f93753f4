from __future__ import annotations

import importlib
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from typing import TYPE_CHECKING, Any

import pytest

from wetlands_worker import alias, failures, handle
from wetlands_worker.sources import StandardLibrary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Have imports find what a worker finds: the standard library, a folder of the user, and our loaded package."""
    before = dict(sys.modules)
    for name in [name for name in before if name.partition(".")[0] == "wetlands"]:
        monkeypatch.delitem(sys.modules, name)
    standard = StandardLibrary()
    monkeypatch.setattr(sys, "meta_path", [BuiltinImporter, FrozenImporter, PathFinder])
    monkeypatch.setattr(sys, "path", [*filter(standard.holds_folder, sys.path), str(tmp_path)])
    alias.install()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "wetlands"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def public_names() -> list[str]:
    return list(importlib.import_module("wetlands").__all__)


def imported(name: str) -> Any:  # noqa: ANN401 - its attributes are made at run time
    return importlib.import_module(name)


def test_names_of_a_task_are_importable_from_wetlands() -> None:
    wetlands, task = imported("wetlands"), imported("wetlands.task")

    assert wetlands.task is task
    assert handle.RemoteTaskHandle is wetlands.RemoteTaskHandle
    assert handle.RemoteTaskHandle is task.RemoteTaskHandle
    assert handle.current_task is task.current_task


@pytest.mark.parametrize(
    "name", ["TaskFailure", "TaskFailureCategory", "RemoteExceptionInfo", "TracebackFrame", "WorkerInfo"]
)
def test_what_describes_a_failure_is_importable_from_wetlands(name: str) -> None:
    assert getattr(failures, name) is getattr(imported("wetlands.task"), name)


def test_importing_it_imports_nothing_else() -> None:
    before = set(sys.modules)

    imported("wetlands.task")

    assert {"wetlands", "wetlands.task"} == set(sys.modules) - before


def test_an_installed_wetlands_wins(tmp_path: Path) -> None:
    (tmp_path / "wetlands").mkdir()
    (tmp_path / "wetlands" / "__init__.py").write_text("real = True")
    (tmp_path / "wetlands" / "task.py").write_text("real = True")

    assert (True, True) == (imported("wetlands").real, imported("wetlands.task").real)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'wetlands.ndarray'$"):
        imported("wetlands.ndarray")


def test_a_folder_that_is_only_called_wetlands_does_not_hide_it(tmp_path: Path) -> None:
    (tmp_path / "wetlands" / "envs").mkdir(parents=True)

    assert handle.RemoteTaskHandle is imported("wetlands.task").RemoteTaskHandle


def test_parts_of_the_host_are_refused_with_the_reason() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^wetlands\._store is available in the host only"):
        imported("wetlands._store")


def test_names_of_the_host_are_refused_with_the_reason() -> None:
    with pytest.raises(
        AttributeError, match=r"'wetlands.task', as a worker has it, has no attribute 'session'; it is avail"
    ):
        imported("wetlands.task").session  # noqa: B018 - the access is what raises


@pytest.mark.parametrize(
    "module, name",
    [
        ("wetlands", "EnvironmentManager"),
        ("wetlands", "ExecutionException"),
        ("wetlands.environment_manager", "EnvironmentManager"),
        ("wetlands.task", "Task"),
        ("wetlands.logger", "enable_console_logging"),
    ],
)
def test_public_names_of_the_host_can_be_imported_annotated_with_and_caught_but_not_used(
    module: str, name: str
) -> None:
    found = getattr(imported(module), name)
    refused = rf"^{module}\.{name} is available in the host only, and this is a worker.*__main__"

    assert found is getattr(imported(module), name)
    assert found is found[int]
    with pytest.raises(RuntimeError, match=refused):
        found("an instance")
    with pytest.raises(RuntimeError, match=refused):
        found.attribute  # noqa: B018 - the access is what raises
    with pytest.raises(ZeroDivisionError):
        _divide_unless(found)


def _divide_unless(caught: type[BaseException]) -> None:
    try:
        _ = 1 / 0
    except caught:
        pytest.fail("it catches what is not of its kind")


def test_every_public_name_of_the_host_is_known_to_a_worker(public_names: list[str]) -> None:
    wetlands = imported("wetlands")

    assert [] == [name for name in public_names if not hasattr(wetlands, name)]


def test_its_names_are_listed() -> None:
    task = imported("wetlands.task")

    assert {"TaskFailure", "RemoteTaskHandle", "current_task"} <= set(dir(task)) & set(task.__all__)


def test_installing_twice_is_installing_once() -> None:
    before = list(sys.meta_path)

    alias.install()

    assert before == sys.meta_path


def test_other_names_are_none_of_its_business() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'wetlandscape'$"):
        imported("wetlandscape")
