"""The command line over managers that build with the fake backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from manager_fixtures import backend, new_manager
from wetlands._backends.choose import Choice
from wetlands._cli.app import app
from wetlands._store.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from fake_backend import FakeBackend

__all__ = ["backend", "new_manager", "wetlands"]


@pytest.fixture
def wetlands(tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on the instance folder that `new_manager` uses too."""
    monkeypatch.setattr(Workshop, "choose", lambda self, spec, base, locked=None: Choice(backend, "it is a test"))

    def run(*words: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, ["-wip", str(tmp_path / "instance (ü)"), *words], input=answer)

    return run
