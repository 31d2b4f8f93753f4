"""An exception becomes data that says what happened, whatever the exception itself does."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import sys
import traceback
from typing import Any

import pytest

from wetlands_worker import failures, tracebacks
from wetlands_worker.failures import (
    RemoteExceptionInfo,
    TracebackFrame,
    describe,
    frames,
    from_plain,
    is_cancellation,
    plain_frames,
    render,
    to_plain,
)
from wetlands_worker.values import decode

Group: Any = getattr(builtins, "ExceptionGroup", None)  # Python >= 3.11


class CustomError(Exception):
    class InnerError(Exception):
        pass


def fail() -> None:
    raise ValueError("bad input")


def caught(function: Any) -> BaseException:  # noqa: ANN401 - anything that raises
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it returned")


def chained(*, suppress: bool = False) -> None:
    try:
        fail()
    except ValueError as error:
        if suppress:
            raise CustomError("outer") from None
        raise CustomError("outer") from error


# --- what is described ------------------------------------------------------------------------------------------------


def test_an_exception_is_described_by_its_class_message_and_traceback() -> None:
    info = describe(caught(fail))

    assert ("builtins", "ValueError", "builtins.ValueError", "bad input") == (
        info.module, info.type_name, info.qualified_name, info.message,
    )  # fmt: skip
    assert info.traceback.startswith("Traceback (most recent call last):\n")
    assert info.traceback.endswith("ValueError: bad input\n")
    assert 'raise ValueError("bad input")' in info.traceback
    assert (None, None, False) == (info.cause, info.context, info.suppress_context)


def test_a_nested_class_has_its_qualified_name() -> None:
    info = describe(CustomError.InnerError())

    assert ("InnerError", f"{__name__}.CustomError.InnerError") == (info.type_name, info.qualified_name)


def test_the_cause_is_described_too() -> None:
    info = describe(caught(chained))

    assert info.cause is not None
    assert ("CustomError", "ValueError") == (info.type_name, info.cause.type_name)
    assert info.suppress_context
    assert info.context is None, "it is the cause"
    assert "direct cause" in info.traceback


def test_a_context_is_described_too() -> None:
    def handle() -> None:
        try:
            fail()
        except ValueError:
            raise TypeError("other")  # noqa: B904 - the context is the test

    info = describe(caught(handle))

    assert info.context is not None
    assert ("TypeError", "ValueError") == (info.type_name, info.context.type_name)
    assert "During handling" in info.traceback


def test_a_suppressed_context_is_described_but_not_printed() -> None:
    info = describe(caught(lambda: chained(suppress=True)))

    assert info.context is not None
    assert info.suppress_context
    assert "bad input" not in info.traceback


def test_the_text_is_what_python_prints() -> None:
    for error in (
        caught(chained),
        caught(lambda: chained(suppress=True)),
        caught(lambda: compile("a b", "<x>", "exec")),
        caught(lambda: sys.modulse),  # type: ignore[attr-defined]
        caught(fail),
    ):
        assert "".join(traceback.format_exception(error)) == render(error)


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    info = describe(first)

    assert info.cause is not None
    assert info.cause.cause is None
    assert 1 == render(first).count("second")


def test_a_long_chain_is_cut() -> None:
    error = ValueError("0")
    for number in range(1, 3000):
        error, error.__context__ = ValueError(str(number)), error

    info: RemoteExceptionInfo | None = describe(error)
    length = 0
    while info is not None:
        info, length = info.context, length + 1

    assert 20 == length
    assert 20 == render(error).count("ValueError")


def test_python_is_not_asked_for_advice_where_it_would_look_at_a_long_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracebacks, "format_exception_only", lambda kind, error: [f"advice on {error}\n"])
    error: BaseException = ValueError("0")
    for number in range(1, 100):
        error, error.__context__ = NameError(str(number)), error

    assert "advice on short\n" == render(NameError("short"))
    assert render(error).endswith("NameError: 99\n")


def test_deep_recursion_is_told_in_few_lines() -> None:
    def recurse(depth: int) -> None:
        recurse(depth + 1)

    error = caught(lambda: recurse(0))

    assert len(frames(error)) <= 200
    assert len(render(error).splitlines()) < 50
    assert "more times" in render(error)


def test_a_huge_message_is_cut_in_the_middle() -> None:
    info = describe(ValueError("begin" + "x" * 10_000_000 + "end"))

    assert len(info.message) < 11_000
    assert info.message.startswith("beginx")
    assert info.message.endswith("xend")
    assert "characters left out" in info.message
    assert len(info.traceback) < 250_000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_the_members_of_a_group_are_rendered() -> None:
    group = Group("several", [caught(fail), Group("inner", [caught(chained)])])

    text = render(group)

    assert "ExceptionGroup: several (2 sub-exceptions)" in text
    assert "1 of 2:" in text
    assert "    ValueError: bad input\n" in text
    assert "ExceptionGroup: inner" in text
    assert "CustomError: outer" in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_a_large_or_deep_group_is_cut() -> None:
    wide = Group("wide", [ValueError(number) for number in range(100)])
    deep: Exception = ValueError("bottom")
    for _ in range(500):
        deep = Group("deep", [deep])

    assert 15 == render(wide).count("ValueError")
    assert "and 85 more" in render(wide)
    assert render(deep).count("ExceptionGroup") <= 100


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with Python 3.11")
def test_notes_are_rendered() -> None:
    error: Any = ValueError("bad")
    error.add_note("look there")

    assert "ValueError: bad\nlook there\n" == render(error)


class BrokenError(Exception):
    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]
        raise RuntimeError("cause")

    @property
    def __traceback__(self) -> None:  # type: ignore[override]
        raise RuntimeError("traceback")

    @property
    def exceptions(self) -> None:
        raise AttributeError

    def __str__(self) -> str:
        raise SystemExit("str")

    def __repr__(self) -> str:
        raise SystemExit("repr")


def test_an_exception_that_breaks_whatever_is_asked_of_it_is_still_described() -> None:
    def break_it() -> None:
        raise BrokenError

    info = describe(caught(break_it))

    assert "BrokenError" == info.type_name
    assert "<BrokenError whose __str__ raised SystemExit>" == info.message
    assert "in break_it" in info.traceback


class TextError(Exception):
    class Text(str):
        __slots__ = ()

    def __str__(self) -> str:
        return self.Text("lone \ud800 and 🦆")


def test_a_message_is_plain_text_that_can_be_written_anywhere() -> None:
    message = describe(TextError()).message

    assert "lone \\ud800 and 🦆" == message
    assert str is type(message)


# --- frames -----------------------------------------------------------------------------------------------------------


def test_frames_are_plain_and_start_with_the_outermost() -> None:
    first, last = frames(caught(fail))

    assert ("caught", "fail") == (first.name, last.name)
    assert __file__ == last.filename
    assert 'raise ValueError("bad input")' == last.line
    assert last.lineno > 0
    assert (first, last) == tuple(TracebackFrame(*frame) for frame in plain_frames(caught(fail)))  # type: ignore[arg-type]


def test_frames_of_our_own_and_of_the_import_system_are_left_out() -> None:
    def decode_and_import() -> None:
        try:
            decode(b"\x80\x05\x8c\x07nowhere\x8c\x01x\x93.", [])
        except Exception as error:
            raise error.__cause__ from None  # type: ignore[misc]

    error = caught(decode_and_import)

    assert {"caught", "decode_and_import"} == {frame.name for frame in frames(error)}
    assert "wetlands_worker" not in render(error).replace(__file__, "")
    assert "importlib" not in render(error)


def test_an_exception_that_was_never_raised_has_no_frames() -> None:
    assert () == frames(ValueError())
    assert "ValueError: bad\n" == render(ValueError("bad"))


# --- across the wire --------------------------------------------------------------------------------------------------


def test_a_description_crosses_as_plain_tuples() -> None:
    info = describe(caught(chained))

    plain = to_plain(info)

    assert info == from_plain(plain)
    assert_plain(plain)


def assert_plain(value: object) -> None:
    assert type(value) in {str, bool, type(None), tuple}
    if isinstance(value, tuple):
        for item in value:
            assert_plain(item)


def test_fields_of_another_version_are_ignored_and_missing_ones_have_defaults() -> None:
    info = RemoteExceptionInfo(module="m", type_name="T", qualified_name="m.T", message="no")

    assert info == from_plain((*to_plain(info), "new", 5))
    assert info == from_plain(to_plain(info)[:4])


@pytest.mark.parametrize("junk", [(), ("a",), (1, 2, 3, 4), ("a", "b", "c", None)])
def test_junk_is_no_description(junk: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="not a description of an exception"):
        from_plain(junk)


@pytest.mark.parametrize(
    "error, expected",
    [(asyncio.CancelledError(), True), (concurrent.futures.CancelledError(), True), (ValueError(), False)],
)
def test_cancellations_are_told_from_failures(error: BaseException, expected: bool) -> None:
    assert expected == is_cancellation(error)


def test_the_front_door_is_sorted_and_whole() -> None:
    assert sorted(failures.__all__) == failures.__all__
    assert all(hasattr(failures, name) for name in failures.__all__)
