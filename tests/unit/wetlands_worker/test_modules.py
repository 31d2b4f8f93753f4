from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wetlands_worker.folders import FEW, RECHECK_SECONDS
from wetlands_worker.modules import ModuleLoader

if TYPE_CHECKING:
    from unit.wetlands_worker.conftest import Clock, Write


# --------------------------------------------------------------------------------------------- one file, one module


def test_files_of_equal_stems_in_two_folders_are_two_modules(loader: ModuleLoader, write: Write) -> None:
    first = write("one/segment.py", "def where(): return 'one'")
    second = write("two/segment.py", "def where(): return 'two'")

    answers = [loader.function(path, "where")() for path in (first, second, first, second)]

    assert ["one", "two", "one", "two"] == answers


def test_equal_siblings_of_two_folders_do_not_mix_when_they_are_imported_at_call_time(
    loader: ModuleLoader, write: Write
) -> None:
    for folder in ("one", "two"):
        write(f"{folder}/settings.py", f"NAME = {folder!r}")
    target = "def name():\n    import settings\n    return settings.NAME"
    first, second = write("one/work.py", target), write("two/work.py", target)

    answers = [loader.function(path, "name")() for path in (first, second, first)]

    assert ["one", "two", "one"] == answers


def test_a_module_keeps_its_state_when_another_folder_was_called_in_between(loader: ModuleLoader, write: Write) -> None:
    counting = write("one/counting.py", "import totals\ndef add():\n    totals.n += 1\n    return totals.n")
    write("one/totals.py", "n = 0")
    other = write("two/other.py", "def nothing(): pass")

    loader.function(counting, "add")()
    loader.function(other, "nothing")()

    assert 2 == loader.function(counting, "add")()


def test_the_search_path_does_not_grow_with_calls(loader: ModuleLoader, write: Write) -> None:
    files = [write(f"{folder}/grow.py", "def f(): pass") for folder in ("one", "two", "three")]
    loader.load(files[0])
    expected = len(sys.path)

    for _ in range(5):
        for file in files:
            loader.load(file)

    assert expected == len(sys.path)


def test_two_spellings_of_one_path_are_one_module(loader: ModuleLoader, write: Write, tmp_path: Path) -> None:
    path = write("code/spelt.py", "")
    (tmp_path / "link").symlink_to(tmp_path / "code", target_is_directory=True)

    assert loader.load(path) is loader.load(str(tmp_path / "link" / "spelt.py"))


def test_after_closing_the_import_system_is_as_it_was(write: Write) -> None:
    path = write("closing/closed.py", "import neighbour")
    write("closing/neighbour.py", "")
    before = (list(sys.path), list(sys.meta_path), list(sys.path_hooks), set(sys.modules), set(sys.path_importer_cache))
    loader = ModuleLoader()
    loader.load(path)

    loader.close()

    after = (list(sys.path), list(sys.meta_path), list(sys.path_hooks), set(sys.modules), set(sys.path_importer_cache))
    assert before == after


# ------------------------------------------------------------------------------------------------------------ edits


def test_an_edited_file_is_reloaded(loader: ModuleLoader, write: Write) -> None:
    path = write("edited.py", "def f(): return 'before the edit'")
    loader.function(path, "f")
    write("edited.py", "def f(): return 'after'")

    assert "after" == loader.function(path, "f")()


def test_an_edit_of_equal_size_within_one_second_is_seen(loader: ModuleLoader, write: Write) -> None:
    path = write("quick.py", "def f(): return 1")
    loader.function(path, "f")
    second = Path(path).stat().st_mtime_ns // 10**9 * 10**9
    write("quick.py", "def f(): return 2")
    os.utime(path, ns=(second, second + 1))

    assert 2 == loader.function(path, "f")()


def test_bytecode_of_the_second_of_the_last_edit_is_not_trusted_in_a_new_process(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write("stale.py", "def f(): return 1")
    second = Path(path).stat().st_mtime_ns // 10**9 * 10**9
    os.utime(path, ns=(second, second))
    for value in (1, 2):
        write("stale.py", f"def f(): return {value}")
        os.utime(path, ns=(second, second))
        loader = ModuleLoader()
        answer = loader.function(path, "f")()
        for cached in Path(path).parent.joinpath("__pycache__").iterdir():
            os.utime(cached, ns=(second, second))
        loader.close()
        assert value == answer


def test_an_unchanged_file_is_not_executed_again(loader: ModuleLoader, write: Write) -> None:
    path = write("once.py", "")

    assert loader.load(path) is loader.load(path)


def test_an_edited_sibling_is_reloaded_with_the_modules_that_imported_it(loader: ModuleLoader, write: Write) -> None:
    path = write("asking.py", "from answering import VALUE\ndef f(): return VALUE")
    write("answering.py", "VALUE = 'old'")
    loader.function(path, "f")
    write("answering.py", "VALUE = 'newer'")

    assert "newer" == loader.function(path, "f")()


def test_an_edited_submodule_of_a_sibling_package_is_reloaded(loader: ModuleLoader, write: Write) -> None:
    path = write("asking_deep.py", "from parts.inner import VALUE\ndef f(): return VALUE")
    write("parts/__init__.py", "")
    write("parts/inner.py", "VALUE = 'old'")
    loader.function(path, "f")
    write("parts/inner.py", "VALUE = 'newer'")

    assert "newer" == loader.function(path, "f")()


def test_an_edit_of_another_folder_is_seen_when_its_turn_comes(loader: ModuleLoader, write: Write) -> None:
    path = write("one/seen.py", "def f(): return 'before the edit'")
    other = write("two/other_seen.py", "def f(): pass")
    loader.function(path, "f")
    loader.function(other, "f")
    write("one/seen.py", "def f(): return 'after'")

    assert "after" == loader.function(path, "f")()


def test_siblings_in_great_number_are_looked_at_only_now_and_then(
    loader: ModuleLoader, write: Write, clock: Clock
) -> None:
    names = [f"many_{index}" for index in range(FEW)]
    for name in names:
        write(f"{name}.py", "VALUE = 'old'")
    path = write("many.py", f"import {', '.join(names)}\ndef f(): return {names[0]}.VALUE")
    loader.function(path, "f")
    loader.function(path, "f")
    write(f"{names[0]}.py", "VALUE = 'newer'")

    at_once = loader.function(path, "f")()
    clock.now += RECHECK_SECONDS
    later = loader.function(path, "f")()

    assert ("old", "newer") == (at_once, later)


def test_a_sibling_that_is_new_since_the_failed_import_is_found(
    loader: ModuleLoader, write: Write, tmp_path: Path
) -> None:
    path = write("hoping.py", "import not_yet_there")
    with pytest.raises(ModuleNotFoundError, match="not_yet_there"):
        loader.load(path)
    before = tmp_path.stat().st_mtime_ns
    write("not_yet_there.py", "")
    os.utime(tmp_path, ns=(before, before))  # as if within one tick of the file system's clock

    assert "hoping" == loader.load(path).__name__


def test_a_file_that_was_removed_is_an_error_and_not_its_old_module(loader: ModuleLoader, write: Write) -> None:
    path = write("removed.py", "def f(): pass")
    loader.load(path)
    Path(path).unlink()

    with pytest.raises(FileNotFoundError, match="removed"):
        loader.load(path)


def test_bytecode_is_kept_beside_the_file_and_used(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write("compiled.py", "def f(): return 'from bytecode'")
    os.utime(path, (1e9, 1e9))
    for _ in range(2):
        loader = ModuleLoader()
        loader.load(path)
        loader.close()
    (cached,) = (tmp_path / "__pycache__").iterdir()
    written = cached.stat().st_mtime_ns
    loader = ModuleLoader()
    loader.load(path)
    loader.close()

    assert written == cached.stat().st_mtime_ns


def test_old_functions_are_not_kept_alive_by_a_reload(loader: ModuleLoader, write: Write) -> None:
    import gc
    import weakref

    path = write("heavy.py", "class Model: pass\nmodel = Model()\ndef f(): return model")
    from wetlands_worker.invoke import call

    model = weakref.ref(call(loader.function(path, "f"), (), {}, None))
    write("heavy.py", "def f(): return 'light'")
    loader.load(path)
    gc.collect()

    assert model() is None


# --------------------------------------------------------------------------------------------------- failed imports


def test_a_module_whose_import_failed_is_not_left_and_is_tried_again(loader: ModuleLoader, write: Write) -> None:
    path = write("failing.py", "raise RuntimeError('first')")
    with pytest.raises(RuntimeError, match="first"):
        loader.load(path)
    assert "failing" not in sys.modules

    with pytest.raises(RuntimeError, match="first"):
        loader.load(path)
    write("failing.py", "VALUE = 1")

    assert 1 == loader.load(path).VALUE


def test_a_syntax_error_of_an_edit_is_raised_until_it_is_mended(loader: ModuleLoader, write: Write) -> None:
    path = write("mended.py", "def f(): return 1")
    loader.load(path)
    write("mended.py", "def f( return 2")
    for _ in range(2):
        with pytest.raises(SyntaxError):
            loader.load(path)
    write("mended.py", "def f(): return 3")

    assert 3 == loader.function(path, "f")()


def test_tracebacks_show_the_lines_of_the_file(loader: ModuleLoader, write: Write) -> None:
    path = write("näm e (1)/wröng.py", "def f():\n    return 1 / 0  # the line")

    with pytest.raises(ZeroDivisionError) as caught:
        loader.function(path, "f")()

    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (path, 2, "return 1 / 0  # the line") == (last.filename, last.lineno, last.line)


def test_a_call_of_a_module_that_is_known_looks_at_its_file_once(
    loader: ModuleLoader, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("mine.py", "def f(): return 1")
    loader.function(path, "f")
    stat, looks = os.stat, []

    def counted(name: Any, **options: Any) -> os.stat_result:  # noqa: ANN401 - what `os.stat` takes
        looks.append(name)
        return stat(name, **options)

    monkeypatch.setattr(os, "stat", counted)
    function = loader.function(path, "f")
    monkeypatch.undo()

    assert ([path], 1) == (looks, function())
