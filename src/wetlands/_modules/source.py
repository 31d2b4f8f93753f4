"""What a source file offers, read from its syntax tree: the file is never run, nor compiled, by the host."""

from __future__ import annotations

import ast
import inspect
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands.exceptions import ModuleNotResolvedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class SourceText(str):
    """An annotation as it is written; shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Unevaluated:
    """A default that only the file itself could evaluate, such as `np.float32`; shown as it is written."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class FunctionSource:
    """A top-level function of a file: what `inspect` would tell of it after an import.

    Attributes:
        generator: Whether calling it makes a generator for certain; a decorator may make something else of it.
    """

    name: str
    signature: inspect.Signature
    doc: str | None
    line: int
    generator: bool = False


@dataclass(frozen=True)
class ModuleSource:
    """A file of the user: its docstring and its public functions, in the order of the file."""

    path: str
    doc: str | None
    functions: Mapping[str, FunctionSource]


def read(path: str) -> ModuleSource:
    """Read the public functions of a file.

    Public is what the file lists in a literal `__all__`, else every name without a leading underscore. Functions inside
    a top-level `if`, `try` or `with` count, except under `if __name__ == "__main__"`. Of two definitions of one name
    the last one counts.

    Args:
        path: A Python source file, in the encoding that it declares.

    Raises:
        ModuleNotResolvedError: The file cannot be read, or its syntax is not that of this Python.
    """
    tree = _parse(path)
    definitions = {node.name: node for node in _definitions(tree.body)}
    listed = _listed_in_all(tree.body)
    return ModuleSource(
        path=path,
        doc=ast.get_docstring(tree),
        functions={
            name: FunctionSource(name, _signature(node), ast.get_docstring(node), node.lineno, _is_generator(node))
            for name, node in definitions.items()
            if (name in listed if listed is not None else not name.startswith("_"))
        },
    )


def _parse(path: str) -> ast.Module:
    try:
        content = Path(path).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a dubious escape sequence is the worker's to report, on import
            return ast.parse(content, path)
    except OSError as error:
        raise ModuleNotResolvedError(f"The module {path} cannot be read: {error.strerror or error}.") from error
    except SyntaxError as error:
        text = f": {error.text.strip()}" if error.text else ""
        raise ModuleNotResolvedError(
            f'File "{path}", line {error.lineno}: {error.msg}{text}. The file was read by the host, Python '
            f"{sys.version_info[0]}.{sys.version_info[1]}; where it needs a later one, call it with execute() instead."
        ) from error
    except ValueError as error:  # null bytes, before Python 3.12
        raise ModuleNotResolvedError(f"The module {path} is no Python source: {error}.") from error


def _definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    for node in body:
        if isinstance(node, Definition):
            yield node
        elif isinstance(node, ast.If) and not _is_main_guard(node.test):
            yield from _definitions((*node.body, *node.orelse))
        elif isinstance(node, ast.With):
            yield from _definitions(node.body)
        elif isinstance(node, ast.Try):
            handled = [statement for handler in node.handlers for statement in handler.body]
            yield from _definitions((*handled, *node.body, *node.orelse, *node.finalbody))  # the tried ones count last


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and any(
        isinstance(side, ast.Name) and side.id == "__name__" for side in (test.left, *test.comparators)
    )


def _listed_in_all(body: Iterable[ast.stmt]) -> frozenset[str] | None:
    """The names of `__all__`; None when there is none, or when it is computed."""
    found: frozenset[str] | None = None
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            continue
        value = None if isinstance(node, ast.AugAssign) else _literal(getattr(node, "value", None))
        if not isinstance(value, list | tuple):
            return None
        found = frozenset(map(str, value))
    return found


_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_POSITIONAL_OR_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _signature(node: Definition) -> inspect.Signature:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults]
    rows: list[tuple[ast.arg, inspect._ParameterKind, ast.expr | None]] = [
        (argument, _POSITIONAL_ONLY if index < len(arguments.posonlyargs) else _POSITIONAL_OR_KEYWORD, default)
        for index, (argument, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if arguments.vararg is not None:
        rows.append((arguments.vararg, inspect.Parameter.VAR_POSITIONAL, None))
    rows.extend(
        (argument, inspect.Parameter.KEYWORD_ONLY, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    if arguments.kwarg is not None:
        rows.append((arguments.kwarg, inspect.Parameter.VAR_KEYWORD, None))
    return inspect.Signature([_parameter(*row) for row in rows], return_annotation=_annotation(node.returns))


def _is_generator(node: Definition) -> bool:
    return not node.decorator_list and any(map(_yields, node.body))


def _yields(node: ast.AST) -> bool:
    """Whether there is a ``yield`` that is of the function itself, and not of one inside of it."""
    if isinstance(node, ast.Yield | ast.YieldFrom):
        return True
    if isinstance(node, Definition | ast.ClassDef):
        inner: Iterable[ast.AST] = node.decorator_list  # the rest of it is of its own; defaults do not yield
    elif isinstance(node, ast.Lambda):
        return False
    else:
        inner = ast.iter_child_nodes(node)
    return any(map(_yields, inner))


def _parameter(argument: ast.arg, kind: inspect._ParameterKind, default: ast.expr | None) -> inspect.Parameter:
    shown = inspect.Parameter.empty if default is None else _default(default)
    return inspect.Parameter(argument.arg, kind, default=shown, annotation=_annotation(argument.annotation))


def _annotation(node: ast.expr | None) -> object:
    if node is None:
        return inspect.Parameter.empty
    quoted = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return SourceText(ast.literal_eval(node) if quoted else ast.unparse(node))


def _default(node: ast.expr) -> object:
    value = _literal(node)
    return Unevaluated(ast.unparse(node)) if value is _NOT_LITERAL else value


_NOT_LITERAL = object()


def _literal(node: ast.expr | None) -> object:
    try:
        return _NOT_LITERAL if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NOT_LITERAL


def stamp(path: str) -> tuple[int, int] | None:
    """What changes when a file is edited; None when it is not there."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size)
