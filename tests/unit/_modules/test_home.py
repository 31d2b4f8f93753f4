"""Which modules go by name, and which by file."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import executor_functions
from wetlands._modules.home import home_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name",
    [
        "sys",
        "math",
        "posixpath",
        "json.decoder",
        "importlib._bootstrap",
        "pytest",
        "packaging.version",
        "wetlands_worker",
    ],
)
def test_what_is_installed_goes_by_its_name(name: str) -> None:
    importlib.import_module(name)

    assert name == home_of(name, "it")


def test_a_file_of_the_program_goes_by_its_path() -> None:
    assert executor_functions.__file__ == home_of("executor_functions", "it")


def test_a_file_that_has_the_name_of_an_installed_module_goes_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "json.py"
    file.touch()
    module = ModuleType("json")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "json", module)

    assert str(file.resolve()) == home_of("json", "it")


def test_what_has_no_source_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (tmp_path / "extension.so", tmp_path / "archive.zip" / "extension.py"):
        module = ModuleType("extension")
        module.__file__ = str(file)
        if file.suffix == ".so":
            file.touch()
        monkeypatch.setitem(sys.modules, "extension", module)

        assert "extension" == home_of("extension", "it")


def test_the_file_of_the_program_itself_goes_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "program.py"
    file.touch()
    main = ModuleType("__main__")
    main.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "__main__", main)

    assert str(file.resolve()) == home_of("__main__", "it")


@pytest.mark.parametrize("name", ["program", "program.txt"])
def test_a_program_that_no_worker_can_import_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / name
    file.touch()
    main = ModuleType("__main__")
    main.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "__main__", main)

    with pytest.raises(TypeError, match=rf"^it is of .*{name}, which workers cannot import\. Define it at the top"):
        home_of("__main__", "it")


def test_a_session_without_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))

    with pytest.raises(TypeError, match=r"^it is of this interactive session or command line"):
        home_of("__main__", "it")


def test_a_module_that_is_not_loaded_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^it says that it is of the module 'not_loaded', which"):
        home_of("not_loaded", "it")


def test_a_file_that_is_still_being_imported_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "importing_itself.py").write_text(
        "from wetlands._modules.home import home_of\nhome_of(__name__, 'it')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(RuntimeError, match=r"still being imported.* under `if __name__ == '__main__':`"):
        importlib.import_module("importing_itself")
