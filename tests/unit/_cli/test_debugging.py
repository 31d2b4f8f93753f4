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


def test_pycharm_is_shown_once_and_told_from_then_on(
    wetlands: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no editor is opened
    note_debuggers(tmp_path / "instance (ü)", [DebugEndpoint("cellpose", 0, os.getpid(), "127.0.0.1", 5678)])
    arguments = ("debug", "-s", str(tmp_path), "-n", "cellpose", "-ide", "pycharm")

    first = wetlands(*arguments)

    assert 0 == first.exit_code
    assert "kind 'Attach to DAP'" in first.stdout
    assert "the host 127.0.0.1 and the port 5678" in first.stdout
    assert not (tmp_path / ".run").exists()
    (tmp_path / ".run").mkdir()
    pattern = '<configuration name="any" type="dap"><option name="port" value="1" /></configuration>'
    path = tmp_path / ".run" / "any.run.xml"
    path.write_text(f'<component name="ProjectRunConfigurationManager">{pattern}</component>', encoding="utf-8")

    second = wetlands(*arguments)

    assert "wetlands_cellpose_worker_0.run.xml" in second.stdout
    assert "Attach to DAP" not in second.stdout
    assert "5678" in (tmp_path / ".run" / "wetlands_cellpose_worker_0.run.xml").read_text(encoding="utf-8")


def test_without_a_worker_that_listens_the_error_says_what_to_do(
    wetlands: Callable[..., Result], tmp_path: Path
) -> None:
    done = wetlands("debug", "-s", str(tmp_path), "-n", "cellpose")

    assert 1 == done.exit_code
    assert "EnvironmentManager(debug=True)" in done.stderr
    assert not (tmp_path / ".vscode").exists()
