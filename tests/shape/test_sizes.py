"""The limits that keep the code liveable; complexity is ruff's business."""

from __future__ import annotations

import ast

import sources

FILE_LINES = 400
FUNCTION_LINES = 50


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {sources.name(path): len(path.read_text("utf-8").splitlines()) for path in sources.python_files()}

    assert {} == {name: length for name, length in lengths.items() if length > FILE_LINES}


def test_no_function_is_longer_than_50_lines_without_its_docstring() -> None:
    lengths = {
        f"{sources.name(path)}:{node.lineno} {node.name}": length(node)
        for path in sources.python_files()
        for node in ast.walk(sources.tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }

    assert lengths
    assert {} == {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_the_docstring_of_a_function_does_not_count() -> None:
    function = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body[0]

    assert isinstance(function, ast.FunctionDef)
    assert 2 == length(function)
