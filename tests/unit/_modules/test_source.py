from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING

import pytest

from wetlands._modules.source import read
from wetlands.exceptions import ModuleNotResolvedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> str:
        path = tmp_path / "module.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


def test_the_file_is_not_executed(write: Write, tmp_path: Path) -> None:
    path = write(f"open({str(tmp_path / 'trace')!r}, 'w')\nimport not_installed_anywhere\ndef f(): pass")

    assert ["f"] == list(read(path).functions)
    assert not (tmp_path / "trace").exists()


def test_public_functions_are_listed_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        """
        import os
        from math import sqrt
        CONSTANT = 1
        def second(): pass
        async def first(): pass
        def _private(): pass
        class Class:
            def method(self): pass
        """
    )

    assert ["second", "first"] == list(read(path).functions)


def test_functions_in_conditions_count_and_those_of_the_main_guard_do_not(write: Write) -> None:
    path = write(
        """
        try:
            import numpy
            def mean(x): "with numpy"
        except ImportError:
            def mean(x): "without"
        if True:
            def conditional(): pass
        else:
            def alternative(): pass
        with open("x") as file:
            def within(): pass
        if __name__ == "__main__":
            def main(): pass
        """
    )

    functions = read(path).functions

    assert ["alternative", "conditional", "mean", "within"] == sorted(functions)
    assert "with numpy" == functions["mean"].doc


@pytest.mark.parametrize(
    "declared, expected",
    [
        ("__all__ = ['_b', 'c']", ["_b"]),
        ("__all__ = ('a',)", ["a"]),
        ("__all__: list[str] = ['a']", ["a"]),
        ("__all__ = []", []),
        ("__all__ = ['a'] + other.__all__", ["a"]),
        ("__all__ = [name for name in names]", ["a"]),
        ("__all__ = ['_b']\n__all__ += ['a']", ["a"]),
        ("__all__ = None", ["a"]),
    ],
)
def test_a_literal_list_of_all_public_names_is_honoured(write: Write, declared: str, expected: list[str]) -> None:
    path = write(f"{declared}\ndef a(): pass\ndef _b(): pass\n")

    assert expected == list(read(path).functions)


def test_signatures_are_as_they_are_written(write: Write) -> None:
    path = write(
        """
        def f(a, /, b: int, c: "np.ndarray" = None, *args: str, d, e: float = 1.5, **kwargs) -> dict[str, int]: pass
        def g(*, dtype=np.float32, path=Path("x") / "y", items=(1, -2), names={"a": [b"1"]}): pass
        """
    )

    functions = read(path).functions

    expected_f = "(a, /, b: int, c: np.ndarray = None, *args: str, d, e: float = 1.5, **kwargs) -> dict[str, int]"
    expected_g = "(*, dtype=np.float32, path=Path('x') / 'y', items=(1, -2), names={'a': [b'1']})"
    assert (expected_f, expected_g) == (str(functions["f"].signature), str(functions["g"].signature))


def test_literal_defaults_are_values(write: Write) -> None:
    path = write("def f(items=(1, -2), *, name='x'): pass")

    parameters = read(path).functions["f"].signature.parameters

    assert ((1, -2), "x") == (parameters["items"].default, parameters["name"].default)


def test_annotations_are_texts(write: Write) -> None:
    path = write("def f(x: int) -> 'str': pass")

    signature = read(path).functions["f"].signature

    assert ("int", "str") == (signature.parameters["x"].annotation, signature.return_annotation)


def test_docstrings_and_lines_are_kept(write: Write) -> None:
    path = write(
        '''\
        """The module."""

        def f():
            """Do it.

            In detail.
            """
        '''
    )

    source = read(path)
    function = source.functions["f"]

    assert ("The module.", "Do it.\n\nIn detail.", 3) == (source.doc, function.doc, function.line)


def test_the_signature_equals_what_an_import_would_tell(write: Write) -> None:
    text = "def f(a, b=2, /, c=3, *args, d, e='x', **kwargs): pass"
    namespace: dict[str, object] = {}
    exec(text, namespace)  # noqa: S102 - the import to compare with

    assert inspect.signature(namespace["f"]) == read(write(text)).functions["f"].signature  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", ["# coding: latin-1\ndef été(): pass".encode("latin-1"), b"\xef\xbb\xbfdef f(): pass"]
)
def test_sources_are_read_in_the_encoding_they_declare(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoded.py"
    path.write_bytes(content)

    assert 1 == len(read(str(path)).functions)


def test_a_syntax_error_names_file_line_and_reading_python(write: Write) -> None:
    path = write("x = 1\ndef f( return 2\n")

    with pytest.raises(ModuleNotResolvedError) as caught:
        read(path)

    assert str(caught.value).startswith(f'File "{path}", line 2: ')
    assert "def f( return 2" in str(caught.value)
    assert "read by the host, Python 3." in str(caught.value)


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.py"
    path.write_bytes(b"x = 1\0\xff")

    with pytest.raises(ModuleNotResolvedError, match=r"binary\.py"):
        read(str(path))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotResolvedError, match=r"absent\.py cannot be read: No such file"):
        read(str(tmp_path / "absent.py"))


def test_warnings_about_the_users_text_are_left_to_the_worker(write: Write) -> None:
    path = write(r"""PATTERN = "\d"
def f(): pass""")

    assert ["f"] == list(read(path).functions)
