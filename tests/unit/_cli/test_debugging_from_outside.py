from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from watched import FakeEnvironment, seen_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_workers_that_nobody_had_asked_before_listen_for_an_editor(wetlands: Run, tmp_path: Path) -> None:
    with seen_program(tmp_path / "instance (ü)", FakeEnvironment("cellpose", None)):
        done = wetlands("debug", "-s", str(tmp_path), "-n", "cellpose")

    assert 0 == done.exit_code
    assert f"Worker 0 of cellpose (pid {os.getpid()}) listens for a debugger on 127.0.0.1:5678" in done.stdout
    assert "5678" in (tmp_path / ".vscode" / "launch.json").read_text()


def test_a_program_without_debugpy_says_so(wetlands: Run, tmp_path: Path) -> None:
    environment = FakeEnvironment("cellpose", None)
    environment.debugpy = False
    with seen_program(tmp_path / "instance (ü)", environment):
        done = wetlands("debug", "-s", str(tmp_path), "-n", "cellpose")

    assert 1 == done.exit_code
    assert "Debugging workers needs debugpy." in done.stderr
    assert "No worker of 'cellpose'" in done.stderr
    assert not (tmp_path / ".vscode").exists()
