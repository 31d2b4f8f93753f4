from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from unit.wetlands_worker.conftest import Write
    from wetlands_worker.modules import ModuleLoader


# ------------------------------------------------------------------------------------------------------------ names


def test_a_module_has_its_stem_as_name_and_the_file_in_its_spec(loader: ModuleLoader, write: Write) -> None:
    path = write("plainly.py", "")

    module = loader.load(path)

    assert module.__spec__ is not None
    assert ("plainly", path, path) == (module.__name__, module.__file__, module.__spec__.origin)
    assert module is sys.modules["plainly"]


@pytest.mark.parametrize("name", ["random", "pickle", "json", "test", "sys"])
def test_a_file_named_like_a_standard_module_is_called_and_shadows_nothing(
    loader: ModuleLoader, write: Write, name: str
) -> None:
    path = write(f"{name}.py", f"def f():\n    import {name}\n    return {name}")
    before = sys.modules.get(name)

    imported = loader.function(path, "f")()

    assert path != getattr(imported, "__file__", None)
    assert before is None or before is imported
    assert loader.load(path).__name__.startswith(name + "_")


@pytest.mark.parametrize("name", ["protocol", "frames", "messages", "values"])
def test_a_file_named_like_one_of_ours_is_importable_by_its_siblings(
    loader: ModuleLoader, write: Write, name: str
) -> None:
    write(f"{name}.py", "VALUE = 'mine'")
    path = write("user_of_it.py", f"import {name}\ndef f(): return {name}.VALUE")

    assert "mine" == loader.function(path, "f")()


@pytest.mark.parametrize("name", ["wetlands_worker", "wetlands", "__main__"])
def test_a_file_never_takes_a_name_this_process_relies_on(loader: ModuleLoader, write: Write, name: str) -> None:
    path = write(f"{name}.py", "def f(): return 'mine'")
    before = sys.modules.get(name)

    answer = loader.function(path, "f")()

    assert ("mine", before) == (answer, sys.modules.get(name))


def test_a_sibling_wins_over_an_installed_module_that_was_imported_before(
    loader: ModuleLoader, write: Write, tmp_path: Path, installed: None
) -> None:
    write("site-packages/common_name/__init__.py", "WHERE = 'installed'")
    write("site-packages/common_name/part.py", "")
    write("mine/common_name.py", "WHERE = 'sibling'")
    path = write("mine/using.py", "import common_name\ndef f(): return common_name.WHERE")
    before = [loader.load("common_name"), loader.load("common_name.part")]

    answer = loader.function(path, "f")()
    loader.leave()

    assert "sibling" == answer
    assert before == [sys.modules["common_name"], sys.modules["common_name.part"]]


def test_what_a_dotted_name_means_does_not_depend_on_earlier_calls(
    loader: ModuleLoader, write: Write, tmp_path: Path, installed: None
) -> None:
    write("site-packages/meaning.py", "def f(): return 'installed'")
    write("mine/meaning.py", "def f(): return 'sibling'")
    path = write("mine/first.py", "import meaning")

    loader.load(path)

    assert "installed" == loader.function("meaning", "f")()
    assert "sibling" == loader.function(str(tmp_path / "mine" / "meaning.py"), "f")()
    assert "installed" == loader.function("meaning", "f")()


def test_a_circular_import_makes_one_module(loader: ModuleLoader, write: Write) -> None:
    path = write("circle_a.py", "import circle_b\ndef here(): return __import__('circle_b').circle_a")
    write("circle_b.py", "import circle_a")

    assert loader.load(path) is loader.function(path, "here")()


def test_a_file_called_after_its_sibling_imported_it_is_the_same_module(loader: ModuleLoader, write: Write) -> None:
    first = write("importing.py", "import imported_first\nmodule = imported_first")
    second = write("imported_first.py", "")

    assert loader.load(first).module is loader.load(second)


@pytest.mark.parametrize("stem", ["with space", "with-hyphen", "2d", "v1.2", "prénom", "a(b)"])
def test_any_file_name_can_be_called(loader: ModuleLoader, write: Write, stem: str) -> None:
    path = write(f"{stem}.py", "def f(): return __name__")

    assert sys.modules[str(loader.function(path, "f")())] is loader.load(path)


def test_a_file_without_console_ending_is_a_module_too(loader: ModuleLoader, write: Write) -> None:
    path = write("window.pyw", "def f(): return 1")

    assert 1 == loader.function(path, "f")()


# --------------------------------------------------------------------------------------------------------- packages


def test_relative_imports_of_a_file_in_a_package_work(loader: ModuleLoader, write: Write) -> None:
    write("nested/__init__.py", "")
    write("nested/inner/__init__.py", "")
    write("nested/values.py", "VALUE = 'from the package'")
    path = write("nested/inner/work.py", "from ..values import VALUE\ndef f(): return VALUE, __name__")

    assert ("from the package", "nested.inner.work") == loader.function(path, "f")()


def test_siblings_in_a_package_are_importable_by_plain_names_and_are_the_same_modules(
    loader: ModuleLoader, write: Write
) -> None:
    write("scripts_of_mine/__init__.py", "")
    write("scripts_of_mine/beside.py", "VALUE = 1")
    path = write(
        "scripts_of_mine/work.py", "import beside\nfrom . import beside as same\ndef f(): return beside is same"
    )

    assert loader.function(path, "f")() is True


def test_a_package_module_named_like_an_installed_one_does_not_shadow_it(
    loader: ModuleLoader, write: Write, tmp_path: Path, installed: None
) -> None:
    write("site-packages/imaging.py", "WHERE = 'installed'")
    write("pack/__init__.py", "")
    write("pack/imaging.py", "import imaging\nWHERE = imaging.WHERE")
    path = write("pack/work.py", "from .imaging import WHERE\ndef f(): return WHERE")

    assert "installed" == loader.function(path, "f")()


def test_the_init_file_of_a_package_is_the_package(loader: ModuleLoader, write: Write) -> None:
    write("whole/part.py", "VALUE = 1")
    path = write("whole/__init__.py", "from .part import VALUE\ndef f(): return VALUE, __name__")

    assert (1, "whole") == loader.function(path, "f")()


def test_a_package_named_like_a_standard_one_keeps_its_relative_imports(loader: ModuleLoader, write: Write) -> None:
    import email

    write("email/__init__.py", "")
    write("email/mine.py", "VALUE = 'mine'")
    path = write("email/work.py", "from .mine import VALUE\nimport email.message\ndef f(): return VALUE, email")

    assert ("mine", email) == loader.function(path, "f")()


def test_a_file_and_a_package_of_one_name_in_one_folder_are_two_modules(loader: ModuleLoader, write: Write) -> None:
    package = write("twice/__init__.py", "def f(): return 'package'")
    file = write("twice.py", "def f(): return 'file'")

    assert ["package", "file"] == [loader.function(path, "f")() for path in (package, file)]


def test_a_package_that_failed_keeps_its_name_from_a_file_of_the_same_name(loader: ModuleLoader, write: Write) -> None:
    package = write("again/__init__.py", "raise RuntimeError('first')")
    file = write("again.py", "def f(): return 'file'")
    with pytest.raises(RuntimeError, match="first"):
        loader.load(package)
    answer = loader.function(file, "f")()
    write("again/__init__.py", "def f(): return 'package'")

    assert ("file", "package") == (answer, loader.function(package, "f")())


def test_installed_modules_called_by_path_stay_loaded_when_another_folder_is_called(
    loader: ModuleLoader, write: Write, tmp_path: Path, installed: None
) -> None:
    path = write("site-packages/stays.py", "import stays_too\nmodule = stays_too")
    write("site-packages/stays_too.py", "")
    other = write("elsewhere/other_stays.py", "")
    module = loader.load(path)

    loader.load(other)

    assert module is sys.modules["stays"]
    assert module.module is sys.modules["stays_too"]


def test_what_another_entry_of_the_path_below_the_folder_offers_is_not_the_folders(
    loader: ModuleLoader, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("project/src/editable/__init__.py", "from . import part")
    write("project/src/editable/part.py", "")
    write("project/env/lib/standard.py", "")
    path = write("project/run.py", "import editable, standard")
    other = write("elsewhere/other_run.py", "")
    below = [str(tmp_path / "project" / "src"), str(tmp_path / "project" / "env" / "lib")]
    monkeypatch.setattr(sys, "path", [*sys.path, *below])
    loader.load(path)
    before = [sys.modules[name] for name in ("editable", "editable.part", "standard")]

    loader.load(other)

    assert before == [sys.modules.get(name) for name in ("editable", "editable.part", "standard")]


def test_namespace_packages_of_a_folder_go_with_it(loader: ModuleLoader, write: Write) -> None:
    first = write("one/target.py", "def f():\n    import spread.inner.part as part\n    return part.VALUE")
    write("one/spread/inner/part.py", "VALUE = 'one'")
    second = write("two/target.py", "def f():\n    import spread.inner.part as part\n    return part.VALUE")
    write("two/spread/inner/part.py", "VALUE = 'two'")

    assert ["one", "two", "one"] == [loader.function(path, "f")() for path in (first, second, first)]


def test_a_module_that_the_process_imported_itself_is_taken_over_and_reloaded_when_edited(
    loader: ModuleLoader, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("programs_own.py", "def f(): return 'before the edit'")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    import importlib

    own = importlib.import_module("programs_own")
    taken_over = loader.load(path)
    write("programs_own.py", "def f(): return 'after'")

    assert own is taken_over
    assert "after" == loader.function(path, "f")()


def test_an_edited_sibling_is_reloaded_also_where_the_process_has_the_folder_on_its_path(
    loader: ModuleLoader, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    import importlib.util

    assert importlib.util.find_spec("not_there_but_looked_for") is None
    path = write("asking_here.py", "from answering_here import VALUE\ndef f(): return VALUE")
    write("answering_here.py", "VALUE = 'old'")
    first = loader.function(path, "f")()
    write("answering_here.py", "VALUE = 'newer'")

    assert ("old", "newer") == (first, loader.function(path, "f")())
