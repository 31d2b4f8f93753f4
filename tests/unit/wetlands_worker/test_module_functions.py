from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from unit.wetlands_worker.conftest import Write
    from wetlands_worker.modules import ModuleLoader


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
