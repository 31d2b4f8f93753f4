"""A function that has no name in its file, turned into its source: lambdas, and functions defined in functions.

Byte code means nothing to another version of Python, so the text of the function crosses and is compiled where it runs,
at the lines and columns where it stands in its file. What is sent was compiled here before, and compared with the code
that the program has: when the file was edited meanwhile, or means something else out of its place, that is an error.

What it captured crosses by value, as it is at the time of the call; modules and functions among it as references. Its
globals are those that its file has in the worker.
"""

from __future__ import annotations
import __future__

import ast
import sys
import tokenize
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from wetlands._modules.home import home_of, source_of
from wetlands._modules.target import is_file
from wetlands_worker.callables import defined
from wetlands_worker.pieces import nested
from wetlands_worker.sources import stamp_of
from wetlands_worker.values import EncodeError, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike
    from types import CellType

    from wetlands_worker.callables import Definition

    Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    Callback: TypeAlias = Callable[..., Any]  # what a user's function takes and gives is the user's
    Refer: TypeAlias = Callable[[Callback, tuple[Callback, ...]], tuple["Plain", tuple[object, ...]]]

Plain: TypeAlias = "tuple[Any, ...]"  # see wetlands_worker.callables

_NESTED = 0x10  # inspect.CO_NESTED
_COMPARED = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars")
_COUNTED = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount")
_ADVICE = "define a function at the top level of the file, and pass it what it needs as arguments"


def source_reference(function: FunctionType, within: tuple[Callback, ...], refer: Refer) -> Plain:
    """A reference by source; see `wetlands_worker.callables`.

    Args:
        function: The function.
        within: The functions that captured it, each captured by the one before.
        refer: Refers to functions among what it captured.

    Raises:
        TypeError: Its source cannot be had, or something that it captured cannot cross; the message names it.
        RuntimeError: Its file is still being imported.
    """
    name = function.__qualname__
    home = home_of(function.__module__, name)
    module = sys.modules[function.__module__]
    file = source_of(module)
    if file is None or not is_file(home) or vars(module) is not function.__globals__:
        message = f"{name} of {home} cannot run in another process, for it cannot be had by its name; {_ADVICE}"
        raise TypeError(message)
    definition, node = _definition(function, file, home)
    parts = _Parts(function, within, refer)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    captured = [parts.of_cell(variable, cell) for variable, cell in cells]
    values = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = [parts.of(key, value) for key, value in zip(names[len(names) - len(values) :], values, strict=True)]
    keyword_defaults = {key: parts.of(key, value) for key, value in (function.__kwdefaults__ or {}).items()}
    return ("source", home, definition, name, captured, defaults, keyword_defaults, _annotations(node))


class _Parts:
    """The values that a function brings along, turned into parts."""

    def __init__(self, function: FunctionType, within: tuple[Callback, ...], refer: Refer) -> None:
        self._function = function
        self._within: tuple[Callback, ...] = (*within, function)
        self._refer = refer

    def of(self, variable: str, value: object) -> Plain:
        """A value as a part; see `wetlands_worker.callables`."""
        try:
            return self._part(value)
        except (EncodeError, TypeError) as error:
            reason = error.reason if isinstance(error, EncodeError) else error
            raise self._refused(variable, f"cannot be sent: {reason}") from error

    def of_cell(self, variable: str, cell: CellType) -> Plain:
        """A captured variable as a part."""
        try:
            value = cell.cell_contents
        except ValueError as error:
            raise self._refused(variable, "has no value yet") from error
        return self.of(variable, value)

    def _refused(self, variable: str, why: str) -> TypeError:
        name = self._function.__qualname__
        return TypeError(f"{name} brings {variable!r} along, which {why}; to get around it, {_ADVICE}")

    def _part(self, value: object) -> Plain:
        if value is self._function and value.__name__ == self._function.__code__.co_name != "<lambda>":
            return ("itself",)
        if isinstance(value, ModuleType):
            return ("module", home_of(value.__name__, value.__name__))
        if isinstance(value, FunctionType):
            if any(value is one for one in self._within):
                raise TypeError("it captures the other one in turn")
            return ("callable", self._refer(value, self._within)[0])
        body, buffers = _encoded(value)
        return ("value", body, buffers)


def _encoded(value: object) -> tuple[bytes, list[object]]:
    body, buffers = encode(value)
    return body, nested(buffers)


# ------------------------------------------------------------------- the text


def _definition(function: FunctionType, file: str, home: str) -> tuple[Definition, Function]:
    code = function.__code__
    as_text = bool(code.co_flags & __future__.annotations.compiler_flag)
    try:
        lines, tree = _parsed(file, stamp_of(file))
        for node in _candidates(tree, code):
            definition = (home, _text(node, lines), node.lineno, code.co_freevars, as_text)
            if _is_same(defined(definition, {}, [None] * len(code.co_freevars)).__code__, code):
                return definition, node
    except (OSError, SyntaxError, UnicodeDecodeError):
        pass  # the same as not found
    message = (
        f"{function.__qualname__} is not found in line {code.co_firstlineno} of {file} as it runs here: the file was "
        f"edited since the program started, or the function was made in another way; {_ADVICE}"
    )
    raise TypeError(message)


@lru_cache(maxsize=16)
def _parsed(file: str | PathLike[str], _stamp: tuple[int, int]) -> tuple[list[str], ast.Module]:
    with tokenize.open(file) as source:
        text = source.read()
    return text.split("\n"), ast.parse(text)


def _candidates(tree: ast.Module, code: CodeType) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            if code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
                yield node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            if first == code.co_firstlineno:
                yield node


def _text(node: Function, lines: list[str]) -> str:
    """The text of a function, behind one line that makes it stand for itself, with its columns kept."""
    taken = lines[node.lineno - 1 : node.end_lineno]
    taken[-1] = taken[-1].encode()[: node.end_col_offset].decode()
    if isinstance(node, ast.Lambda):
        taken[0] = " " * node.col_offset + taken[0].encode()[node.col_offset :].decode()
        return "\n".join(("(", *taken, ")"))
    return "\n".join(("if 1:" if node.col_offset else "", *taken))


def _annotations(node: Function) -> dict[str, str]:
    """The annotations of the parameters, as text: what they mean is for the worker to find out."""
    given = node.args
    parameters = (*given.posonlyargs, *given.args, *given.kwonlyargs)
    return {one.arg: _unquoted(one.annotation) for one in parameters if one.annotation is not None}


def _unquoted(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)


def _is_same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same; where they stand and what they are nested in does not count."""
    if any(getattr(one, name) != getattr(other, name) for name in (*_COMPARED, *_COUNTED)):
        return False
    if one.co_flags | _NESTED != other.co_flags | _NESTED or len(one.co_consts) != len(other.co_consts):
        return False
    return all(_is_same_constant(*pair) for pair in zip(one.co_consts, other.co_consts, strict=True))


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _is_same(one, other)
    return type(one) is type(other) and repr(one) == repr(other)  # 0.0 == -0.0, and (1,) == (True,)
