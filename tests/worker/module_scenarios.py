"""What modules, calls and scripts do in a worker, as a program that every supported Python can run.

Usage: `python module_scenarios.py SOURCES FOLDER SCENARIO`. It ends with code 0 when the scenario holds. It needs
Python 3.8, the standard library, and the worker package found in SOURCES.
"""

from __future__ import annotations

import os
import sys

SOURCES, FOLDER, SCENARIO = sys.argv[1:]
_STARTED_WITH = set(sys.modules)
sys.path.insert(0, SOURCES)


from wetlands_worker import alias  # noqa: E402 - found on the path set above
from wetlands_worker.invoke import call  # noqa: E402 - the same
from wetlands_worker.modules import ModuleLoader  # noqa: E402 - the same

sys.path.remove(SOURCES)  # where the host package is, too; a worker has only its own one


def in_folder(*parts: str) -> str:
    return os.path.join(FOLDER, *parts)  # noqa: PTH118 - pathlib is among what must not be imported


def write(name: str, text: str) -> str:
    path = in_folder(*name.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - see in_folder
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - see in_folder
        file.write(text)
    return path


def same(expected: object, actual: object) -> None:
    assert expected == actual, f"expected {expected!r}, got {actual!r}"  # run without pytest


def calling_imports_nothing_slow() -> None:
    path = write("plain.py", "def f(x, task=None): return x")
    same(1, call(ModuleLoader().function(path, "f"), (1,), {}, "handle"))
    alias.install()
    slow = {"asyncio", "inspect", "typing", "pathlib", "re", "importlib.util", "dataclasses", "contextlib", "traceback"}
    same(set(), (set(sys.modules) - _STARTED_WITH) & slow)


def equal_stems_siblings_and_edits() -> None:
    loader = ModuleLoader()
    for folder in ("one", "two"):
        write(f"{folder}/helper.py", f"WHERE = {folder!r}")
        write(f"{folder}/target.py", "def f():\n    import helper\n    return helper.WHERE")
    paths = [in_folder(folder, "target.py") for folder in ("one", "two")]
    loader.load(paths[0])
    length = len(sys.path)
    same(["one", "two", "one", "two"], [loader.function(path, "f")() for path in paths * 2])
    same(length, len(sys.path))
    write("one/helper.py", "WHERE = 'eno'")
    same("eno", loader.function(paths[0], "f")())
    write("one/target.py", "def f():\n    import helper\n    return helper.WHERE + '!'")
    same(["eno!", "two"], [loader.function(path, "f")() for path in paths])


def hostile_names() -> None:
    loader = ModuleLoader()
    for name in ("random", "pickle", "typing", "enum", "inspect"):
        write(f"{name}.py", "raise RuntimeError('shadowed')")
    write("protocol.py", "VALUE = 'mine'")
    path = write("target.py", "import random, pickle, typing, enum, inspect, protocol\ndef f(): return protocol.VALUE")
    same("mine", loader.function(path, "f")())
    same("mine", loader.load(in_folder("protocol.py")).VALUE)
    write("random.py", "def f(): return 'called by its path'")
    same("called by its path", loader.function(in_folder("random.py"), "f")())
    assert hasattr(sys.modules["random"], "shuffle")


def odd_paths_and_tracebacks() -> None:
    import traceback

    path = write("prénom (1) 中/mo dule.py", "def f():\n    raise ValueError('é')  # the line")
    loader = ModuleLoader()
    try:
        loader.function(path, "f")()
    except ValueError as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        same((path, "raise ValueError('é')  # the line"), (last.filename, last.line))
    failing = write("importing.py", "import failing_beside")
    beside = write("failing_beside.py", "1 / 0")
    try:
        loader.load(failing)
    except ZeroDivisionError as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        same([failing, beside], [file for file in files if not file.startswith((SOURCES, __file__))])


def packages_and_circles() -> None:
    loader = ModuleLoader()
    write("pack/__init__.py", "")
    write("pack/helper.py", "VALUE = 1")
    path = write(
        "pack/sub/target.py",
        "from ..helper import VALUE\nfrom . import other\nimport other as again\n"
        "def f(): return VALUE, __name__, other is again, other.target.__name__",
    )
    write("pack/sub/__init__.py", "")
    write("pack/sub/other.py", "from . import target")
    same((1, "pack.sub.target", True, "pack.sub.target"), loader.function(path, "f")())
    first = write("circle_a.py", "import circle_b\nmodule = circle_b.circle_a")
    write("circle_b.py", "import circle_a")
    assert loader.load(first) is loader.load(first).module


def failed_imports() -> None:
    loader = ModuleLoader()
    path = write("failing.py", "raise RuntimeError('first')")
    for _ in range(2):
        try:
            loader.load(path)
        except RuntimeError as error:
            same("first", str(error))
        assert "failing" not in sys.modules
    write("failing.py", "raise_no_more = True")
    assert loader.load(path).raise_no_more


def handles_and_coroutines() -> None:
    loader = ModuleLoader()
    alias.install()
    path = write(
        "calls.py",
        "import functools\n"
        "from typing import Optional\n"
        "from wetlands.task import RemoteTaskHandle\n"
        "def named(x, task): return x, task\n"
        "def leading(task, x): return x, task\n"
        "def positional(x, task, /): return x, task\n"
        "def by_class(x, h: RemoteTaskHandle): return x, h\n"
        "def by_option(x, h: Optional[RemoteTaskHandle] = None): return x, h\n"
        "def by_text(x, h: 'RemoteTaskHandle'): return x, h\n"
        "def by_option_text(x, h: Optional['RemoteTaskHandle'] = None): return x, h\n"
        "def by_missing_name(x, h: 'Optional[RemoteTaskHandle]' = None): return x, h\n"
        "async def waiting(x, task):\n    import asyncio\n    await asyncio.sleep(0)\n    return x, task\n"
        "def passing_on(f):\n"
        "    @functools.wraps(f)\n"
        "    def wrapper(*args, **kwargs): return f(*args, **kwargs)\n"
        "    return wrapper\n"
        "decorated = passing_on(named)\n"
        "decorated_waiting = passing_on(waiting)\n"
        "partial = functools.partial(named)\n"
        "class Model:\n"
        "    @classmethod\n"
        "    def fit(cls, x, task): return x, task\n",
    )
    names = (
        "named leading positional by_class by_option by_text by_option_text by_missing_name waiting decorated "
        "decorated_waiting partial Model.fit"
    )
    for name in names.split():
        same((name, "x", "handle"), (name, *call(loader.function(path, name), ("x",), {}, "handle")))  # type: ignore[misc]
    same(("x", "mine"), call(loader.function(path, "named"), ("x", "mine"), {}, "handle"))
    same(("x", "mine"), call(loader.function(path, "named"), ("x",), {"task": "mine"}, "handle"))


def annotations_only_for_type_checkers() -> None:
    path = write(
        "guarded.py",
        ("" if sys.version_info >= (3, 14) else "from __future__ import annotations\n")
        + "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from wetlands.task import RemoteTaskHandle\n"
        "def f(x: Missing, h: RemoteTaskHandle | None = None): return x, h",
    )
    for _ in range(2):
        same(("x", "handle"), call(ModuleLoader().function(path, "f"), ("x",), {}, "handle"))


def scripts() -> None:
    from wetlands_worker.scripts import ScriptExit

    loader = ModuleLoader()
    path = write("script.py", "import sys, beside\nargs, name = sys.argv[1:], __name__\nsys.exit(beside.CODE)")
    write("beside.py", "CODE = 0")
    before = list(sys.argv)
    same({"args": ["1", "b"], "name": "__main__"}, loader.run_script(path, [1, "b"]))
    write("beside.py", "CODE = 34")
    try:
        loader.run_script(path)
    except ScriptExit as error:
        same(34, error.code)
    else:
        raise AssertionError
    same(before, sys.argv)


def children_import_the_module_by_its_name() -> None:
    path = write(
        "parallel.py",
        "import multiprocessing, beside\n"
        "def square(x): return x * beside.FACTOR\n"
        "def f():\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        return pool.map(square, [1, 2])\n",
    )
    write("beside.py", "FACTOR = 10")
    sys.modules["__main__"] = type(sys)("__main__")  # as in a worker: children do not run its main program again
    same([10, 20], ModuleLoader().function(path, "f")())


if __name__ == "__main__":
    globals()[SCENARIO]()
