from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from wetlands._store.debuggers import DebugEndpoint, known_debuggers, note_debuggers

if TYPE_CHECKING:
    from pathlib import Path

HERE = DebugEndpoint("cellpose", 0, os.getpid(), "127.0.0.1", 5678)


def test_what_is_noted_is_known_to_others(tmp_path: Path) -> None:
    note_debuggers(tmp_path, [HERE])

    assert [HERE] == known_debuggers(tmp_path)
    assert 0o700 == (tmp_path / "state").stat().st_mode & 0o777


def test_a_note_of_a_dead_process_counts_for_nothing_also_when_its_pid_was_reused(tmp_path: Path) -> None:
    note_debuggers(tmp_path, [HERE])
    (note,) = (tmp_path / "state" / "debuggers").iterdir()
    stored = json.loads(note.read_text())
    note.write_text(json.dumps({**stored, "started": stored["started"] - 1000}))

    assert [] == known_debuggers(tmp_path)
    assert not note.exists()


def test_damaged_notes_and_missing_folders_harm_nobody(tmp_path: Path) -> None:
    assert [] == known_debuggers(tmp_path / "none")
    note_debuggers(tmp_path, [HERE])
    for number, text in enumerate(["", "[]", "{}", '{"pid": "x"}', "null"]):
        (tmp_path / "state" / "debuggers" / f"{number}.json").write_text(text)

    assert [HERE] == known_debuggers(tmp_path)
