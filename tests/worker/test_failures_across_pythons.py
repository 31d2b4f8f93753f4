"""What went wrong in any other Python is told here in the same words, without loading a class of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, cast

import pytest

import interpreters
from value_peer import ask
from wetlands_worker.failures import TaskFailure, TaskFailureCategory, TracebackFrame, from_plain

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands_worker.failures import RemoteExceptionInfo

pytestmark = pytest.mark.compat

FAILING = textwrap.dedent('''
    """Fails in many ways."""

    class OnlyHereError(Exception):
        pass

    class BrokenError(Exception):
        def __str__(self):
            raise SystemExit("no")

    def fail(number):
        return 1 / number

    def chained():
        try:
            fail(0)
        except ZeroDivisionError as error:
            raise OnlyHereError("bad input \\N{DUCK} \\ud800") from error

    def suppressed():
        try:
            fail(0)
        except ZeroDivisionError:
            raise OnlyHereError("alone") from None

    def broken():
        raise BrokenError

    def syntax():
        compile("a b", "<text>", "exec")

    def key():
        {}["missing"]

    def recursion():
        recursion()

    def long_chain():
        error = None
        for number in range(3000):
            error, previous = ValueError(str(number)), error
            error.__context__ = previous
        raise error

    def group():
        raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])

    def described(name):
        from wetlands_worker import failures
        try:
            globals()[name]()
        except BaseException as error:
            return failures.to_plain(failures.describe(error)), failures.plain_frames(error)
''')
IMPORT = "__import__('failing').described(value)"


class Told:
    """What a function of the module above raised in another Python."""

    def __init__(self, answer: object) -> None:
        plain, frames = cast("tuple[tuple[object, ...], tuple[tuple[str, int, str, str], ...]]", answer)
        self.info: RemoteExceptionInfo = from_plain(plain)
        self.frames = [TracebackFrame(*frame) for frame in frames]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "failing.py").write_text(FAILING, encoding="utf-8", errors="backslashreplace")
    return tmp_path


def told(interpreter: Path, module: Path, *names: str) -> list[Told]:
    return [Told(answer) for answer in ask(interpreter, [(name, IMPORT) for name in names], path=[module])]


def test_an_exception_with_its_cause_is_told_alike_by_every_python(interpreter: Path, module: Path) -> None:
    (chained,) = told(interpreter, module, "chained")
    info, frames = chained.info, chained.frames

    assert ("failing", "OnlyHereError", "failing.OnlyHereError") == (info.module, info.type_name, info.qualified_name)
    assert "bad input 🦆 \\ud800" == info.message
    assert info.cause is not None
    assert ("ZeroDivisionError", "division by zero") == (info.cause.type_name, info.cause.message)
    assert (True, None) == (info.suppress_context, info.context)
    assert ["described", "chained"] == [frame.name for frame in frames]
    assert {str(module / "failing.py")} == {frame.filename for frame in frames}
    assert "return 1 / number" in info.traceback
    assert "The above exception was the direct cause" in info.traceback
    assert info.traceback.endswith("failing.OnlyHereError: bad input 🦆 \\ud800\n")


def test_every_kind_of_exception_is_told_by_every_python(interpreter: Path, module: Path) -> None:
    suppressed, broken, syntax, key, recursion, long_chain = told(
        interpreter, module, "suppressed", "broken", "syntax", "key", "recursion", "long_chain"
    )

    assert suppressed.info.context is not None
    assert "division" not in suppressed.info.traceback
    assert "<BrokenError whose __str__ raised SystemExit>" == broken.info.message
    assert "in broken" in broken.info.traceback
    assert 'File "<text>", line 1\n    a b\n' in syntax.info.traceback
    assert ("KeyError", "'missing'") == (key.info.type_name, key.info.message)
    assert "RecursionError" == recursion.info.type_name
    assert len(recursion.frames) <= 200
    assert len(recursion.info.traceback.splitlines()) < 50
    assert 20 == long_chain.info.traceback.count("ValueError: ")


def test_a_group_is_told_by_those_that_have_groups(interpreter: Path, module: Path) -> None:
    (group,) = told(interpreter, module, "group")
    has_groups = next(version for version, path in interpreters.found().items() if path == interpreter)

    if tuple(map(int, has_groups.split("."))) >= (3, 11):
        assert "ValueError: one" in group.info.traceback
        assert "KeyError: 'two'" in group.info.traceback
    else:
        assert "NameError" == group.info.type_name


def test_the_line_for_people_is_made_here(interpreter: Path, module: Path) -> None:
    (chained,) = told(interpreter, module, "chained")
    failure = TaskFailure(
        TaskFailureCategory.REMOTE_EXCEPTION,
        chained.info.message,
        call_target=f"{module / 'failing.py'}:chained",
        remote_exception=chained.info,
    )

    assert "Remote OnlyHereError from failing: bad input 🦆 \\ud800" == str(failure)
