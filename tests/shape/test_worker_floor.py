"""What the worker package may import: the standard library, and at start-up only what loads fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import sources

if TYPE_CHECKING:
    from pathlib import Path

# What a worker runs before its first call. The rest is imported when something needs it.
STARTS_AT = ("__main__", "__init__", "serve")
SLOW = {"asyncio", "dataclasses", "inspect", "multiprocessing", "pathlib", "typing"}
# In functions alone, and only when the user's values or code brought them already.
OF_THE_USER = {"numpy", "torch"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(sources.WORKER).with_suffix("").parts)


MODULES = {module_name(path): sources.tree(path) for path in sources.python_files(sources.WORKER)}


def own_module(name: str) -> str | None:
    """`wetlands_worker.frames.Connection` -> `frames`."""
    parts = name.split(".")
    if parts[0] != "wetlands_worker":
        return None
    return next((part for part in parts[1:2] if part in MODULES), "__init__")


def start_up_path() -> set[str]:
    pending, seen = list(STARTS_AT), set()
    while pending:
        current = pending.pop()
        if current not in seen:
            seen.add(current)
            names = (own_module(name) for _, name in sources.imports(MODULES[current], top_level_only=True))
            pending.extend(name for name in names if name is not None)
    return seen


@pytest.mark.parametrize("module", MODULES)
def test_a_worker_module_imports_the_standard_library_alone(module: str) -> None:
    allowed = set(sys.stdlib_module_names) | {"wetlands_worker"}
    imported = {(line, name.split(".")[0]) for line, name in sources.imports(MODULES[module])}

    assert set() == {(line, name) for line, name in imported if name not in allowed | OF_THE_USER}


@pytest.mark.parametrize("module", MODULES)
def test_a_worker_module_imports_what_belongs_to_the_user_only_inside_functions(module: str) -> None:
    imported = {name.split(".")[0] for _, name in sources.imports(MODULES[module], top_level_only=True)}

    assert set() == imported & OF_THE_USER


@pytest.mark.parametrize("module", sorted(start_up_path()))
def test_nothing_slow_is_imported_at_start_up(module: str) -> None:
    imported = {name.split(".")[0] for _, name in sources.imports(MODULES[module], top_level_only=True)}

    assert set() == imported & SLOW


def test_a_started_worker_has_loaded_nothing_slow_either(interpreter: Path) -> None:
    question = (
        f"import sys; sys.path.insert(0, {str(sources.WORKER.parent)!r}); before = set(sys.modules); "
        "import wetlands_worker.begin; print(*(set(sys.modules) - before))"
    )
    command = [str(interpreter), "-I", "-S", "-B", "-c", question]

    loaded = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()

    assert "wetlands_worker.begin" in loaded
    assert set() == SLOW & set(loaded)


def test_the_imports_for_type_checkers_do_not_count() -> None:
    source = (
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import typing\nelse:\n    import os\ndef f():\n    import re\n"
    )

    assert [(5, "os"), (7, "re")] == sorted(sources.imports(ast.parse(source)))
    assert [(5, "os")] == list(sources.imports(ast.parse(source), top_level_only=True))
