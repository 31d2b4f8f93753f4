from __future__ import annotations

import copy
import inspect
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._modules.proxy import ModuleProxy
from wetlands.exceptions import ModuleNotResolvedError

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[str], ModuleProxy]


def echo(target: str, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return Path(target).name, name, args, kwargs


def stream(target: str, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return "stream", name, args, kwargs


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(text: str) -> ModuleProxy:
        path = tmp_path / "module.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return ModuleProxy.of(path, echo, stream)

    return make


def test_a_call_is_passed_on_with_its_arguments(make: Make) -> None:
    module = make("def sum(x, y=1): pass")

    assert ("module.py", "sum", (1,), {"y": 2}) == module.sum(1, y=2)


def test_a_coroutine_function_is_called_like_any_other(make: Make) -> None:
    assert ("module.py", "f", (), {}) == make("async def f(): pass").f()


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): yield x",
        "def f(x):\n    for i in range(x):\n        if i:\n            got = yield i",
        "def f(x): return (yield from x)",
        "async def f(x): yield x",
        "def f(x):\n    print([a for a in (yield)])",
        "def f(x):\n    @(yield x)\n    def g(): pass",
    ],
)
def test_a_generator_function_is_streamed(make: Make, text: str) -> None:
    assert ("stream", "f", (1,), {"y": 2}) == make(text).f(1, y=2)


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    def g(): yield x\n    return list(g())",
        "def f(x):\n    class A:\n        def g(self): yield x",
        "def f(x): return lambda: (yield x)",
        "def f(x): return sum(a for a in x)",
        "@contextmanager\ndef f(x): yield x",
    ],
)
def test_what_makes_no_generator_for_certain_is_executed(make: Make, text: str) -> None:
    assert ("module.py", "f", (1,), {}) == make(text).f(1)


def test_making_a_proxy_does_not_run_the_file(make: Make, tmp_path: Path) -> None:
    make(f"open({str(tmp_path / 'trace')!r}, 'w')\nraise RuntimeError")

    assert not (tmp_path / "trace").exists()


def test_a_function_looks_like_that_of_the_file(make: Make) -> None:
    function = make('def f(x: int, *, dtype=np.float32) -> str:\n    """Do it."""').f

    shown = (function.__name__, function.__qualname__, function.__module__, function.__doc__)
    assert ("f", "f", "module", "Do it.") == shown
    assert "(x: int, *, dtype=np.float32) -> str" == str(inspect.signature(function))


@pytest.mark.parametrize(
    "written, shown",
    [
        ("(x, handle: RemoteTaskHandle)", "(x)"),
        ("(handle: 'Optional[wetlands.task.RemoteTaskHandle]' = None, x=1)", "(x=1)"),
        ("(x, task: RemoteTaskHandle | None = None)", "(x)"),
        ("(x, task)", "(x, *, task=<the task's handle>)"),
        ("(task, x)", "(x, *, task=<the task's handle>)"),
        ("(x, task=None, **options)", "(x, *, task=<the task's handle>, **options)"),
        ("(*xs, task)", "(*xs, task=<the task's handle>)"),
        ("(x, task, /)", "(x, /)"),
        ("(x, task: str)", "(x, task: str)"),
        ("(x, task='denoise')", "(x, task='denoise')"),
        ("(task, handle: RemoteTaskHandle)", "(task)"),
        ("(*task)", "(*task)"),
        ("(x, **task)", "(x, **task)"),
    ],
)
def test_a_parameter_that_receives_the_handle_need_not_be_passed(make: Make, written: str, shown: str) -> None:
    function = make(f"def f{written}: pass").f

    assert shown == str(inspect.signature(function))


def test_the_same_function_is_the_same_object(make: Make) -> None:
    module = make("def f(): pass")

    assert module.f is module.f


def test_an_unknown_name_offers_what_comes_close(make: Make) -> None:
    module = make("def segment(): pass\ndef load(): pass")

    with pytest.raises(AttributeError, match=r"has no public function 'segmnt'\. Did you mean 'segment'\?"):
        module.segmnt  # noqa: B018 - the access is what raises
    with pytest.raises(AttributeError, match="It has: segment, load"):
        module.xyz  # noqa: B018 - the same


def test_private_functions_are_not_offered(make: Make) -> None:
    with pytest.raises(AttributeError):
        make("def _f(): pass")._f  # noqa: B018 - the access is what raises


def test_its_functions_are_listed(make: Make) -> None:
    assert ["a", "b"] == dir(make("def b(): pass\ndef a(): pass"))


def test_a_function_written_later_is_found(make: Make, tmp_path: Path) -> None:
    module = make("def f(): pass")
    (tmp_path / "module.py").write_text("def f(x): pass\ndef later(): pass")

    assert ("module.py", "later", (), {}) == module.later()
    assert ["f", "later"] == dir(module)
    assert "(x)" == str(inspect.signature(module.f))


def test_it_tells_what_it_stands_for(make: Make, tmp_path: Path) -> None:
    module = make('"""What it does."""')
    path = str(tmp_path.resolve() / "module.py")

    assert ("module", path, "What it does.") == (module.__name__, module.__file__, module.__doc__)
    assert f"<module proxy 'module' of {path!r}>" == repr(module)


def test_protocols_of_python_do_not_take_it_for_something_else(make: Make) -> None:
    module = make("def f(): pass")

    assert not hasattr(module, "__len__")
    assert ("module.py", "f", (), {}) == copy.copy(module).f()


def test_a_dotted_name_has_no_source_on_this_side() -> None:
    with pytest.raises(ModuleNotResolvedError, match=r"called with execute\('numpy.linalg', function\)"):
        ModuleProxy.of("numpy.linalg", echo, stream)
