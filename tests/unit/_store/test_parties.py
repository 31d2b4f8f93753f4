from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wetlands._platform.process import ProcessIdentity, identify
from wetlands._store.parties import Party, WorkerNote, known_parties, programs_folder, write_note

if TYPE_CHECKING:
    from pathlib import Path

HERE = identify(os.getpid()) or ProcessIdentity(os.getpid(), 0.0)
DEAD = ProcessIdentity(HERE.pid, HERE.started - 1000)
PROGRAM = Party("program", HERE, "analysis.py", "unix:/somewhere", 2, 100.0, (WorkerNote("cellpose", 0, HERE),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = programs_folder(tmp_path)
    folder.mkdir(parents=True)
    return folder


def test_what_is_noted_is_known_to_others_and_nothing_else_is_left(tmp_path: Path, folder: Path) -> None:
    write_note(folder / "1.json", PROGRAM)
    write_note(folder / "1.json", replace(PROGRAM, program="again.py"))

    assert [replace(PROGRAM, program="again.py")] == known_parties(tmp_path)
    assert ["1.json"] == [path.name for path in folder.iterdir()]


def test_the_note_of_a_keeper_has_the_same_fields_and_one_environment(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "keepers"
    folder.mkdir(parents=True)
    me = {"pid": HERE.pid, "started": HERE.started}
    note = {**me, "environment": "stardist", "address": "tcp:127.0.0.1:1", "protocol": 2, "since": 50.0}
    (folder / "1.json").write_text(json.dumps({**note, "workers": [{**me, "index": 3}], "later": "field"}))
    (folder / "2.json").write_text(json.dumps(note))

    first, second = known_parties(tmp_path)
    assert Party("keeper", HERE, "stardist", "tcp:127.0.0.1:1", 2, 50.0, (WorkerNote("stardist", 3, HERE),)) == first
    assert () == second.workers
    assert "the keeper of stardist" in str(first)


def test_the_oldest_comes_first(tmp_path: Path, folder: Path) -> None:
    for number, since in enumerate((30.0, 10.0, 20.0)):
        write_note(folder / f"{number}.json", replace(PROGRAM, since=since))

    assert [10.0, 20.0, 30.0] == [party.since for party in known_parties(tmp_path)]


def test_a_note_of_a_dead_program_is_deleted_with_its_socket_also_when_its_pid_was_reused(
    tmp_path: Path, folder: Path
) -> None:
    write_note(folder / "1-a.json", replace(PROGRAM, process=DEAD, workers=(WorkerNote("cellpose", 0, DEAD),)))
    (folder / "1-a.sock").touch()

    assert [] == known_parties(tmp_path)
    assert [] == list(folder.iterdir())


def test_a_dead_program_is_known_as_long_as_a_worker_of_it_lives(tmp_path: Path, folder: Path) -> None:
    write_note(folder / "1-a.json", replace(PROGRAM, process=DEAD))

    (party,) = known_parties(tmp_path)
    assert not party.alive
    assert [HERE] == [worker.process for worker in party.workers]


def test_what_a_killed_program_has_left_between_two_steps_is_deleted(tmp_path: Path, folder: Path) -> None:
    nobody = 2**22 + 1  # above the largest pid of Linux
    left = [folder / f"{nobody}-ab.sock", folder / f"{nobody}-ab.json.cd.tmp"]
    kept = [folder / f"{os.getpid()}-ab.sock", folder / "notes.sock"]
    for path in (*left, *kept):
        path.touch()
    known_parties(tmp_path)
    assert sorted((*kept, *left)) == sorted(folder.iterdir()), "whoever it is may be between these steps"
    for path in (*left, *kept):
        os.utime(path, (1.0, 1.0))
    known_parties(tmp_path)

    assert sorted(kept) == sorted(folder.iterdir())


def test_notes_of_another_machine_on_a_shared_disk_are_left_alone(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    write_note(folder / "1-a.json", replace(PROGRAM, process=DEAD, workers=()))
    (folder / "1-a.sock").touch()
    monkeypatch.undo()

    assert [] == known_parties(tmp_path)
    assert 2 == len(list(folder.iterdir()))


def test_damaged_notes_and_missing_folders_harm_nobody(tmp_path: Path, folder: Path) -> None:
    assert [] == known_parties(tmp_path / "none")
    write_note(folder / "1.json", PROGRAM)
    texts = ["", "[]", "{}", '{"pid": "x"}', "null", "\udcff", '{"pid": 1, "started": 1, "workers": 3}']
    for number, text in enumerate(texts):
        (folder / f"bad{number}.json").write_text(text, errors="surrogateescape")

    assert [PROGRAM] == known_parties(tmp_path)
