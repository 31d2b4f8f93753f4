"""The operating system has one door on each side."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

import sources

if TYPE_CHECKING:
    from pathlib import Path

DOORS = (sources.HOST / "_platform", sources.WORKER / "platform_door.py")
# What asks which system this is. Anything of `platform` does, except what asks about Python.
QUESTIONS = {"os.name", "os.uname", "sys.platform", "sys.getwindowsversion", "sysconfig.get_platform"}
WHO_KNOWS = {"os", "platform", "sys", "sysconfig"}
ABOUT_PYTHON = {"platform.python_version", "platform.python_version_tuple", "platform.python_implementation"}


def questions(tree: ast.Module) -> list[tuple[int, str]]:
    """Line and dotted name of each look at the operating system, however it was imported."""
    known: dict[str, str] = {}
    asked = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known.update({alias.asname or alias.name: alias.name for alias in node.names if alias.name in WHO_KNOWS})
        elif isinstance(node, ast.ImportFrom):
            asked += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            asked.append((node.lineno, f"{known[node.value.id]}.{node.attr}"))
    return sorted(
        (line, name)
        for line, name in asked
        if name in QUESTIONS or (name.startswith("platform.") and name not in ABOUT_PYTHON)
    )


def is_a_door(path: Path) -> bool:
    return any(path.is_relative_to(door) for door in DOORS)


@pytest.mark.parametrize(
    "source, expected",
    [
        ("import os\nos.name", [(2, "os.name")]),
        ("import sys as s\nif s.platform: pass", [(2, "sys.platform")]),
        ("from platform import system", [(1, "platform.system")]),
        ("import platform\nplatform.machine()", [(2, "platform.machine")]),
        ("import platform, os\nplatform.python_version(); os.sep; entry.name", []),
        ("def f(platform): platform.partition(',')", []),
        ("def f():\n    import os\n    return os.name", [(3, "os.name")]),
    ],
)
def test_each_way_to_ask_for_the_system_is_seen(source: str, expected: list[tuple[int, str]]) -> None:
    assert expected == questions(ast.parse(source))


def test_nobody_but_the_door_asks_which_operating_system_this_is() -> None:
    looked_at = [path for path in sources.python_files(sources.HOST, sources.WORKER) if not is_a_door(path)]
    asked = {f"{sources.name(path)}:{line}": name for path in looked_at for line, name in questions(sources.tree(path))}

    assert looked_at
    assert {} == asked
