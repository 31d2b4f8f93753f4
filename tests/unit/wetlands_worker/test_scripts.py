from __future__ import annotations

import pickle
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from wetlands_worker.scripts import ScriptExit, public_globals

if TYPE_CHECKING:
    from pathlib import Path

    from unit.wetlands_worker.conftest import Write
    from wetlands_worker.modules import ModuleLoader


def test_a_script_sees_its_arguments_as_strings_and_its_name(loader: ModuleLoader, write: Write) -> None:
    path = write("script.py", "import sys\nargv, name, file = list(sys.argv), __name__, __file__")

    result = loader.run_script(path, ["a", 1, 2.5])

    assert {"argv": [path, "a", "1", "2.5"], "name": "__main__", "file": path} == result


def test_arguments_and_main_module_are_restored_however_a_script_ends(loader: ModuleLoader, write: Write) -> None:
    before = (sys.argv, list(sys.argv), sys.modules["__main__"])
    path = write("ending.py", "import sys\nsys.argv.append('x')\nif len(sys.argv) > 2: raise ValueError('bad')")

    loader.run_script(path)
    with pytest.raises(ValueError, match="bad"):
        loader.run_script(path, ["y"])

    assert before == (sys.argv, list(sys.argv), sys.modules["__main__"])


def test_a_script_is_the_main_module_while_it_runs(loader: ModuleLoader, write: Write) -> None:
    path = write("main_one.py", "import __main__\nVALUE = 1\nseen = __main__.VALUE")

    assert 1 == loader.run_script(path)["seen"]


def test_a_script_under_another_name_is_that_module_while_it_runs(loader: ModuleLoader, write: Write) -> None:
    path = write(
        "named.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass, fields

        @dataclass
        class Point:
            x: int

        names = [field.name for field in fields(Point)]
        main = __name__ == "__main__"
        """,
    )

    assert {"names": ["x"], "main": False} == loader.run_script(path, run_name="not_main")
    assert "not_main" not in sys.modules


@pytest.mark.parametrize(
    "ending", ["sys.exit()", "sys.exit(0)", "sys.exit(None)", "sys.exit(False)", "raise SystemExit"]
)
def test_a_script_that_exits_with_success_gives_its_globals(loader: ModuleLoader, write: Write, ending: str) -> None:
    path = write("leaving.py", f"import sys\nx = 1\n{ending}\ny = 2")

    assert {"x": 1} == loader.run_script(path)


@pytest.mark.parametrize(
    "argument, code, sentence",
    [
        ("3", 3, "exited with code 3"),
        ("-1", -1, "exited with code -1"),
        ("True", 1, "exited with code 1"),
        ("'no input'", "no input", "exited: no input"),
        ("''", "", "exited: "),
        ("[1]", "[1]", r"exited: \[1\]"),
    ],
)
def test_a_script_that_exits_otherwise_fails_with_its_code(
    loader: ModuleLoader, write: Write, argument: str, code: object, sentence: str
) -> None:
    path = write("failing.py", f"import sys\nsys.exit({argument})")

    with pytest.raises(ScriptExit, match=sentence) as caught:
        loader.run_script(path)

    assert (path, code) == (caught.value.path, caught.value.code)
    assert isinstance(caught.value.__cause__, SystemExit)
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


def test_siblings_of_a_script_are_importable_and_reloaded_when_edited(loader: ModuleLoader, write: Write) -> None:
    path = write("with_sibling.py", "import beside_it\nvalue = beside_it.VALUE")
    write("beside_it.py", "VALUE = 'old'")
    loader.run_script(path)
    write("beside_it.py", "VALUE = 'newer'")

    assert {"value": "newer"} == loader.run_script(path)


def test_each_run_of_a_script_starts_anew(loader: ModuleLoader, write: Write) -> None:
    path = write("fresh.py", "count = globals().get('count', 0) + 1")

    assert [{"count": 1}, {"count": 1}] == [loader.run_script(path) for _ in range(2)]


def test_functions_of_a_script_work_after_it_ended(loader: ModuleLoader, write: Write) -> None:
    path = write("leaving_work.py", "import atexit_like\nVALUE = 1\natexit_like.later.append(lambda: VALUE)")
    write("atexit_like.py", "later = []")
    loader.run_script(path)

    assert 1 == sys.modules["atexit_like"].later[0]()


def test_the_script_folder_is_on_the_path_once(loader: ModuleLoader, write: Write, tmp_path: Path) -> None:
    path = write("pathed.py", "import sys\npath = list(sys.path)")

    counts = [loader.run_script(path)["path"].count(str(tmp_path)) for _ in range(2)]  # type: ignore[attr-defined]

    assert [1, 1] == counts


def test_a_script_may_have_any_ending_and_encoding(loader: ModuleLoader, tmp_path: Path) -> None:
    path = tmp_path / "scrïpt (1)"
    path.write_bytes("# coding: latin-1\nvalue = 'é'".encode("latin-1"))

    assert {"value": "é"} == loader.run_script(str(path))


def test_the_future_imports_of_this_library_do_not_reach_a_script(loader: ModuleLoader, write: Write) -> None:
    path = write("evaluated.py", "def f(x: int): pass\nkind = f.__annotations__['x'].__name__")

    assert {"kind": "int"} == loader.run_script(path)


def test_a_script_that_is_not_there_is_named(loader: ModuleLoader, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        loader.run_script(str(tmp_path / "absent.py"))


def test_public_globals_are_the_values_and_not_the_means() -> None:
    namespace: dict[str, object] = {}
    exec(  # noqa: S102 - a module with everything a script's globals hold
        textwrap.dedent(
            """
            from __future__ import annotations
            import os, math
            from math import sqrt
            from typing import List, Optional, TypeVar
            from types import SimpleNamespace
            T = TypeVar("T")
            Alias = Optional[int]
            def function(): pass
            class Class:
                def method(self): pass
            bound, wrapper, builtin = Class().method, Class().__init__, [].append
            _private = 1
            number, text, items, space = 1, "a", [1], SimpleNamespace(x=1)
            nothing = None
            """
        ),
        namespace,
    )

    assert ["items", "nothing", "number", "space", "text"] == sorted(public_globals(namespace))
