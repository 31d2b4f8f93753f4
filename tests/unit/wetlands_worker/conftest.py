from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from wetlands_worker.modules import ModuleLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Write = Callable[[str, str], str]


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loader(clock: Clock, tmp_path: Path) -> Iterator[ModuleLoader]:
    loader = ModuleLoader(clock)
    yield loader
    loader.close()
    for name, module in list(sys.modules.items()):  # those of the stand-in for installed packages
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder `site-packages` importable, where an interpreter has it: last."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site-packages")])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write
