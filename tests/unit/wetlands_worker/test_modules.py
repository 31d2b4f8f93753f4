from __future__ import annotations

import os
import sys
import textwrap
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands_worker.folders import FEW, RECHECK_SECONDS
from wetlands_worker.modules import ModuleLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Write = Callable[[str, str], str]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loader(clock: Clock, tmp_path: Path) -> Iterator[ModuleLoader]:
    loader = ModuleLoader(clock)
    yield loader
    loader.close()
    for name, module in list(sys.modules.items()):  # those of the stand-in for installed packages
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder `site-packages` importable, where an interpreter has it: last."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site-packages")])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


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


# ---------------------------------------------------------------------------------------------------------- sources


@pytest.mark.parametrize(
    "content",
    [
        "# -*- coding: latin-1 -*-\ndef f(): return 'é'".encode("latin-1"),
        b"\xef\xbb\xbf" + "def f(): return 'é'".encode(),
        "def f():\r\n    return 'é'\r\n".encode(),
    ],
    ids=["coding cookie", "byte order mark", "Windows line ends"],
)
def test_sources_are_read_as_python_reads_them(loader: ModuleLoader, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoded.py"
    path.write_bytes(content)

    assert "é" == loader.function(str(path), "f")()


def test_a_folder_that_takes_no_bytecode_is_no_obstacle(
    loader: ModuleLoader, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write("read_only/unwritable.py", "def f(): return 1")
    (tmp_path / "read_only" / "__pycache__").write_text("a file where the folder would be")

    assert 1 == loader.function(path, "f")()


# --------------------------------------------------------------------------------------- functions and dotted names


def test_a_dotted_qualname_reaches_into_classes(loader: ModuleLoader, write: Write) -> None:
    path = write("classy.py", "class Model:\n    @staticmethod\n    def fit(x): return x + 1")

    assert 3 == loader.function(path, "Model.fit")(2)


def test_a_name_bound_anew_at_run_time_is_seen(loader: ModuleLoader, write: Write) -> None:
    path = write("rebinding.py", "def f():\n    global f\n    f = lambda: 'second'\n    return 'first'")

    assert ["first", "second"] == [loader.function(path, "f")() for _ in range(2)]


def test_a_missing_function_names_what_comes_close(loader: ModuleLoader, write: Write) -> None:
    path = write("close.py", "def segment(): pass\ndef load(): pass")

    with pytest.raises(AttributeError, match=r"close\.py has no function 'segmnt'\. Did you mean 'segment'\?"):
        loader.function(path, "segmnt")
    with pytest.raises(AttributeError, match="It has: segment, load"):
        loader.function(path, "xyz")


def test_what_is_no_function_is_refused(loader: ModuleLoader, write: Write) -> None:
    path = write("valued.py", "answer = 42")

    with pytest.raises(TypeError, match=r"'answer' of .* is of type int, and cannot be called"):
        loader.function(path, "answer")


def test_a_dotted_name_is_imported_from_the_environment(loader: ModuleLoader) -> None:
    import os.path

    assert os.path is loader.load("os.path")


def test_a_missing_dotted_name_says_what_was_asked(loader: ModuleLoader) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"'not_installed_here' .asked for as 'not_installed_here.sub'."):
        loader.load("not_installed_here.sub")
    with pytest.raises(ModuleNotFoundError, match="the package 'json' has none"):
        loader.load("json.nothing")


def test_a_module_that_misses_another_one_says_which(
    loader: ModuleLoader, write: Write, tmp_path: Path, installed: None
) -> None:
    write("site-packages/needing.py", "import what_it_needs")

    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'what_it_needs'$"):
        loader.load("needing")


def test_a_file_that_is_not_there_is_named(loader: ModuleLoader, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"not there.*absent"):
        loader.load(str(tmp_path / "absent.py"))
