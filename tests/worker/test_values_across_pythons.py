"""Values cross between this Python and every other one on the machine, with numpy 1, numpy 2 or none over there."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import pathlib
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import interpreters
from arrays import DTYPES, assert_same, filled
from numpys import CASES, NUMPYS, with_numpy
from value_peer import ask
from wetlands_worker.values import decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from arrays import Anything

pytestmark = pytest.mark.compat

LARGE = 70_000
ma: Anything = np.ma  # its stubs refuse what its documentation shows
PLAIN = [
    None, 1 << 100, 1.5, 1j, "🦆", "\ud800", b"x" * LARGE, bytearray(LARGE), "x" * LARGE, (1, [2]), {"a": {3}},
    frozenset({1}), range(3), slice(1, 2), ..., dt.datetime(2024, 2, 29, tzinfo=dt.timezone.utc), dt.timedelta(1),
    decimal.Decimal("1.10"), pathlib.Path("/a/b"), pathlib.PureWindowsPath("c:\\a"), pathlib.Path, memoryview(b"abc"),
    int, len,
]  # fmt: skip


# --- without numpy ----------------------------------------------------------------------------------------------------


def test_plain_values_come_back_as_they_were(interpreter: Path) -> None:
    answers = ask(interpreter, [(value, "value") for value in PLAIN])

    assert PLAIN == answers
    assert [type(value) for value in PLAIN] == [type(answer) for answer in answers]


def test_what_the_other_python_makes_arrives_here(interpreter: Path) -> None:
    pathlib_path = "__import__('pathlib').Path('a') / 'b'"
    parent = "__import__('pathlib').PurePosixPath('/a/b').parent"

    assert [pathlib.Path("a/b"), pathlib.PurePosixPath("/a"), [b"x" * LARGE]] == ask(
        interpreter, [(None, pathlib_path), (None, parent), (b"x", f"[value * {LARGE}]")]
    )


def test_the_other_python_takes_the_same_objects_without_copying_them(interpreter: Path) -> None:
    sizes = "[len(part.tobytes()) for part in encode([value, bytearray(value)])[1]]"

    assert [[LARGE, LARGE]] == ask(interpreter, [(b"x" * LARGE, sizes)])


def test_arrays_pass_through_a_python_without_numpy(interpreter: Path) -> None:
    arrays = [np.asfortranarray(filled((2, 3), dtype)) for dtype in DTYPES]

    answers = ask(interpreter, [(array, "value") for array in arrays])

    for array, answer in zip(arrays, answers, strict=True):
        assert_same(array, answer)


def test_a_python_without_numpy_sees_what_an_array_is(interpreter: Path) -> None:
    questions = [
        (np.zeros((2, 3), "f4"), "(type(value).__name__, value.dtype, value.shape, len(value.tobytes()))"),
        (np.arange(3.0), "value.data.tolist()"),
        (np.arange(3.0), "value.__array_interface__['typestr']"),
        # The buffer protocol for classes of Python came with 3.12 (PEP 688).
        (np.arange(3.0), "(memoryview(value) if hasattr(memoryview, '__buffer__') else value.data).tolist()"),
        (np.float32(1.5), "(type(value).__name__, value)"),
        (ma.array([1, 2], mask=[0, 1]), "type(value).__name__"),
        (np.zeros(3), "value.mean()"),
    ]

    *answers, refusal = ask(interpreter, questions)

    assert [
        ("RawArray", "<f4", (2, 3), 24),
        [0.0, 1.0, 2.0],
        "<f8",
        [0.0, 1.0, 2.0],
        ("float", 1.5),
        "RawNumpy",
    ] == answers
    assert "which is not installed in Python" in str(refusal)


def test_a_class_crosses_where_its_module_can_be_imported(
    interpreter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("class Foo:\n    pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "only_here", raising=False)
    foo = importlib.import_module("only_here").Foo()
    foo.number = 5

    (number,) = ask(interpreter, [(foo, "value.number")], path=[tmp_path])
    missing, alive = ask(interpreter, [([foo], "value"), (1, "value")])

    assert 5 == number
    assert "DecodeError: No module named 'only_here'; only_here.Foo must be importable here, in Python" in str(missing)
    assert f"Python {version_of(interpreter)}." in str(missing)
    assert 1 == alive


def version_of(interpreter: Path) -> str:
    return next(version for version, path in interpreters.found().items() if path == interpreter)


def test_the_path_of_what_cannot_be_sent_is_found_there_too(interpreter: Path) -> None:
    question = "{'a': [1, __import__('threading').Lock()]}"

    (answer,) = ask(interpreter, [(None, question)])

    assert str(answer).startswith("EncodeError: value['a'][1] (of type _thread.lock) cannot be sent: ")


def test_too_deep_nesting_does_not_crash_the_other_python(interpreter: Path) -> None:
    question = "__import__('functools').reduce(lambda inner, _: [inner], range(100_000), [])"

    answer, alive = ask(interpreter, [(None, question), (1, "value")])

    assert "nested deeper" in str(answer)
    assert 1 == alive


# --- with numpy 1 and 2 -----------------------------------------------------------------------------------------------

VALUES: list[Anything] = [
    *(filled((2, 3, 2), dtype).transpose(1, 0, 2) for dtype in DTYPES),
    *(np.asfortranarray(filled((2, 3), dtype)) for dtype in DTYPES),
    np.zeros((0, 2)), np.array(5.0), np.ones(100_000), np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([np.arange(3), None, [np.float32(1)]], dtype=object),
]  # fmt: skip
SCALARS: list[Anything] = [
    np.float64(1.5), np.bool_(True), np.str_("ü"), np.datetime64("2020-01-01"), np.longdouble(1), np.complex64(1j),
    np.zeros(1, [("a", "i4")])[0], np.dtype([("a", "M8[s]")]), np.dtype("f4"), np.float32, np.sin, ma.masked,
]  # fmt: skip
MASKED: list[Anything] = [
    ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=9, hard_mask=True),
    ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")], mask=[(0, 1)]),
    ma.array([1.0, 2]),
]


@pytest.mark.network
@pytest.mark.parametrize("version, name", CASES)
def test_arrays_cross_between_the_versions_of_numpy(version: str, name: str, numpy_environments: Path) -> None:
    python = with_numpy(numpy_environments, version, NUMPYS[name][0])
    everything = [*VALUES, *SCALARS, *MASKED]

    answers: list[Anything] = ask(python, [(value, "value") for value in everything], packages=True)

    for value, answer in zip(VALUES, answers, strict=False):
        assert_same(value, answer)
    for value, answer in zip([*SCALARS, *MASKED], answers[len(VALUES) :], strict=True):
        assert type(value) is type(answer)
        assert repr(value) == repr(answer)
    for value, answer in zip(MASKED, answers[-len(MASKED) :], strict=True):
        np.testing.assert_array_equal(value.mask, answer.mask)
        assert value.hardmask == answer.hardmask


@pytest.mark.network
@pytest.mark.parametrize("version, name", CASES)
def test_the_other_numpy_sees_real_arrays_and_sends_its_own(version: str, name: str, numpy_environments: Path) -> None:
    python = with_numpy(numpy_environments, version, NUMPYS[name][0])
    numpy = "__import__('numpy')"
    questions: list[tuple[object, str]] = [
        (None, f"{numpy}.__version__.split('.')[0]"),
        (np.ones((2, 3), order="F"), "(type(value).__name__, value.flags.fnc, value.flags.writeable, value.sum())"),
        (None, f"{numpy}.arange(6.0).reshape(2, 3).T"),
        (None, f"[{numpy}.float32(2), {numpy}.dtype('f4'), {numpy}.rec.array([(1,)], dtype=[('a', 'i4')])]"),
        (None, f"{numpy}.ma.array([1, 2], mask=[0, 1])"),
        # The pickling methods of subclasses are built on numpy's own, which name its private modules.
        (None, f"{numpy}.arange(3.0).__reduce__()"),
        (None, f"{numpy}.sin"),
        (np.exceptions.AxisError(5, 2), "str(value)"),
        (None, f"getattr({numpy}, 'exceptions', {numpy}).AxisError(5, 2)"),
    ]

    major, seen, transposed, several, masked, reduced, ufunc, text, error = ask(python, questions, packages=True)

    assert name.split()[1] == major
    assert ("ndarray", True, True, 6.0) == seen
    assert_same(np.arange(6.0).reshape(2, 3).T, transposed)
    assert [np.float32, np.dtype("f4").__class__, np.recarray] == [type(item) for item in several]  # type: ignore[attr-defined]
    assert "[1 --]" == str(masked)
    assert reduced[0] is np.arange(3.0).__reduce__()[0]  # type: ignore[index]
    assert np.sin is ufunc
    assert "axis 5 is out of bounds for array of dimension 2" == text
    assert isinstance(error, np.exceptions.AxisError)


@pytest.mark.network
@pytest.mark.parametrize("version, name", CASES)
def test_strings_of_numpy_2_are_refused_clearly_by_numpy_1(version: str, name: str, numpy_environments: Path) -> None:
    python = with_numpy(numpy_environments, version, NUMPYS[name][0])
    strings = np.array(["a", "b" * 100], dtype=np.dtypes.StringDType())

    (answer,) = ask(python, [(strings, "value")], packages=True)

    if name == "numpy 2":
        assert_same(strings, answer)
    else:
        assert "has no dtype 'string' (it came with numpy 2)" in str(answer)
        assert f"in Python {version}." in str(answer)


def test_every_second_hop_keeps_an_array(interpreter: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)

    (once,) = ask(interpreter, [([array], "value")])
    (twice,) = ask(interpreter, [(once, "value")])

    assert_same(array, twice[0])  # type: ignore[index]
    body, buffers = encode(twice)
    assert_same(array, decode(body, [bytearray(buffer) for buffer in buffers])[0])  # type: ignore[index]
