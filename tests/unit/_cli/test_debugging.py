from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wetlands._store.debuggers import DebugEndpoint, note_debuggers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from click.testing import Result


def test_an_editor_is_told_of_the_workers_of_one_environment(
    wetlands: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no editor is opened
    note_debuggers(tmp_path / "instance (ü)", [DebugEndpoint("cellpose", 0, os.getpid(), "127.0.0.1", 5678)])

    done = wetlands("debug", "-s", str(tmp_path), "-n", "cellpose", "-ide", "vscode", "-jmc")

    assert 0 == done.exit_code
    assert "127.0.0.1:5678" in done.stdout
    text = (tmp_path / ".vscode" / "launch.json").read_text()
    assert "5678" in text
    assert '"justMyCode": true' in text
    assert "Attach to DAP" in wetlands("debug", "-s", str(tmp_path), "-n", "cellpose", "-ide", "pycharm").stdout


def test_without_a_worker_that_listens_the_error_says_what_to_do(
    wetlands: Callable[..., Result], tmp_path: Path
) -> None:
    done = wetlands("debug", "-s", str(tmp_path), "-n", "cellpose")

    assert 1 == done.exit_code
    assert "EnvironmentManager(debug=True)" in done.stderr
    assert not (tmp_path / ".vscode").exists()
