"""How workers are told of a callable."""

from __future__ import annotations

import functools
import importlib
import math
import operator
import sys
from typing import TYPE_CHECKING, Any

import pytest

import executor_functions as functions
from wetlands._modules.callables import Callee
from wetlands_worker import messages
from wetlands_worker.callables import defined
from wetlands_worker.values import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = functions.__file__
MODEL = functions.Model(2)
DISPATCHER: Any = functools.singledispatch(abs)
GETTER = operator.itemgetter(1)


@pytest.mark.parametrize(
    "function, reference, bound",
    [
        (math.sqrt, ("math", "sqrt"), ()),
        (str.upper, ("builtins", "str.upper"), ()),
        ("a".upper, ("builtins", "str.upper"), ("a",)),
        (dict.fromkeys, ("builtins", "dict.fromkeys"), ()),
        (GETTER, ("operator", "itemgetter.__call__"), (GETTER,)),
        (functions.add, (FILE, "add"), ()),
        (functions.Model.name, (FILE, "Model.name"), ()),
        (functions.Derived.name, (FILE, "Derived.name"), ()),
        (functions.Model.Inner, (FILE, "Model.Inner"), ()),
        (MODEL.scaled, (FILE, "Model.scaled"), (MODEL,)),
        (MODEL, (FILE, "Model.__call__"), (MODEL,)),
        (functools.partial(functools.partial(pow, 2), 3), ("builtins", "pow"), (2, 3)),
    ],
)
def test_what_has_a_name_goes_by_it(
    function: Callable[..., Any], reference: tuple[str, str], bound: tuple[object, ...]
) -> None:
    callee = Callee.of(function)

    assert (("name", *reference), bound) == (callee.reference, callee.bound)


def test_a_call_by_name_is_like_any_other_call() -> None:
    callee = Callee.of(functools.partial(functions.add, 1, second=2))
    work = callee.call((3,), {"second": 4})

    assert messages.pack_target(FILE, "add") == work.head
    assert ((1, 3), {"second": 4}) == decode(work.values, work.buffers)
    assert "executor_functions:add" == work.call_target == callee.label


@pytest.mark.skipif(not hasattr(functools, "Placeholder"), reason="this Python has no placeholders")
def test_placeholders_of_a_partial_are_filled_in_their_order() -> None:
    hole = functools.Placeholder  # type: ignore[attr-defined]  # from Python 3.14 on
    work = Callee.of(functools.partial(functions.add, hole, 2)).call((1,), {})

    assert ((1, 2), {}) == decode(work.values, work.buffers)


def test_a_name_that_means_something_else_now_is_not_trusted() -> None:
    class Named:
        __module__ = "executor_functions"
        __qualname__ = "Model"

    with pytest.raises(
        TypeError, match=r"^<class 'executor_functions.Model'> cannot run in another process: it is not"
    ):
        Callee.of(Named)


def test_a_function_under_a_decorator_is_not_taken_for_what_has_its_name() -> None:
    reference = Callee.of(functions.decorated.__wrapped__).reference  # type: ignore[attr-defined]  # wraps() sets it

    assert ("source", FILE, "decorated") == (reference[0], reference[1], reference[3])


@pytest.mark.parametrize("name", ["square", "the first", "the second"])
def test_of_several_lambdas_in_a_line_the_right_one_is_sent(name: str) -> None:
    found: Callable[..., Any] = {
        "square": functions.square,
        "the first": functions.both[0],
        "the second": functions.both[1],
    }[name]
    definition = Callee.of(found).reference[2]

    made: Callable[..., Any] = defined(definition, {}, ())

    assert found(5) == made(5)


def test_a_function_of_a_file_that_was_edited_since_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "edited_module.py"
    file.write_text("made = lambda: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("edited_module")
    file.write_text("made = lambda: 2222\n")

    with pytest.raises(TypeError, match=r"<lambda> is not found in line 1 of .*: the file was edited since"):
        Callee.of(module.made)
    file.write_text("made = lambda: 1\n# and more\n")
    assert "source" == Callee.of(module.made).reference[0]
    del sys.modules["edited_module"]


def test_a_nested_function_of_an_installed_package_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot run in another process, for it cannot be had by its name"):
        Callee.of(DISPATCHER.dispatch)
