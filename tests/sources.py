"""The files of the project, as the tests of its shape look at them."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "src" / "wetlands"
WORKER = ROOT / "src" / "wetlands_worker"


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or would be, also before it is added; without git, all but hidden folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError):
        return tuple(_walked())
    return tuple(sorted(path for name in listing.split("\0") if name and (path := ROOT / name).is_file()))


def _walked() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        yield from (Path(folder, name) for name in sorted(names))


def python_files(*folders: Path) -> list[Path]:
    """The Python files inside of `folders`; of the whole project without any."""
    inside = folders or (ROOT,)
    return [path for path in files() if path.suffix == ".py" and any(path.is_relative_to(top) for top in inside)]


def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """A file as messages name it: relative to the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def imports(module: ast.Module, *, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of each import that happens when the code runs (not those for type checkers alone).

    With `top_level_only`, without imports inside functions: what importing the module itself brings along.
    """
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: relative imports hide where a name comes from"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
        elif not (top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
            pending.extend(ast.iter_child_nodes(node))
