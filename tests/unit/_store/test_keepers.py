"""Notes of keepers: what is read, and what is swept."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import psutil

from wetlands._platform.process import ProcessIdentity
from wetlands._store.keepers import described, keepers_folder, known_keepers
from wetlands._store.parties import Party, WorkerNote

if TYPE_CHECKING:
    from pathlib import Path

US = ProcessIdentity(os.getpid(), psutil.Process().create_time())


def note(root: Path, name: str, **changed: object) -> Path:
    folder = keepers_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    stored = {
        "environment": "e",
        "generation": "0a1b2c3d",
        "pid": US.pid,
        "started": US.started,
        "address": "unix:/x",
        "protocol": 2,
        "version": "2.0",
        "program": "napari",
        "since": 5.0,
        "workers": [{"index": 1, "pid": 12, "started": 3.0}],
        **changed,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(stored))
    return path


def test_a_living_keeper_is_read_and_found_by_its_environment(tmp_path: Path) -> None:
    note(tmp_path, "1")
    worker = WorkerNote("e", 1, ProcessIdentity(12, 3.0))
    expected = Party("keeper", US, "e", "unix:/x", 2, 5.0, (worker,), generation="0a1b2c3d", version="2.0")

    assert [expected] == known_keepers(tmp_path) == known_keepers(tmp_path, "e")
    assert [] == known_keepers(tmp_path, "f")
    assert f"workers with pid 12, kept by process {US.pid} at unix:/x" == described(expected)


def test_a_dead_keeper_is_none_and_its_note_stays_as_long_as_one_of_its_workers_lives(tmp_path: Path) -> None:
    path = note(tmp_path, "1", started=1.0, workers=[{"index": 0, "pid": US.pid, "started": US.started}])

    assert [] == known_keepers(tmp_path)
    assert path.exists()


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    note(tmp_path, "1", since=7.0)
    note(tmp_path, "2", since=6.0)

    assert [6.0, 7.0] == [found.since for found in known_keepers(tmp_path)]


def test_what_dead_keepers_have_left_is_deleted_and_damaged_notes_are_passed_over(tmp_path: Path) -> None:
    dead = note(tmp_path, "1", started=1.0)
    dead.with_suffix(".sock").touch()
    damaged = note(tmp_path, "2", workers=None)

    assert [] == known_keepers(tmp_path)

    assert [damaged] == list(keepers_folder(tmp_path).iterdir())
    assert [] == known_keepers(tmp_path / "nowhere")
