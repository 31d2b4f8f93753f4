from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pools import eventually
from watched import FakeEnvironment, seen_program
from wetlands._pool.census import census
from wetlands._store.parties import known_parties, programs_folder
from wetlands._view import program as programs
from wetlands._view.program import ProgramDoor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "argv, name",
    [
        (["/somewhere/analysis.py", "--fast"], "analysis.py"),
        (["/site-packages/package/__main__.py"], "package"),
        (["-c"], "python3"),
        ([""], "python3"),
        ([], "python3"),
    ],
)
def test_a_program_is_called_by_its_script(argv: list[str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert name == programs._program()
    monkeypatch.delattr(sys, "argv")
    assert "python3" == programs._program()


def test_a_door_opens_once_and_closes_with_the_last_worker(tmp_path: Path) -> None:
    environment = FakeEnvironment("cellpose", None)
    door = ProgramDoor(tmp_path, lambda: [environment], pause=0)
    door.begin()
    door.begin()
    eventually(lambda: known_parties(tmp_path), "the program can be seen")
    assert 1 == len(known_parties(tmp_path))

    environment.exit()
    census.changed()
    eventually(lambda: not list(programs_folder(tmp_path).iterdir()), "nothing is left")
    door.close()


def test_a_door_opens_again_for_the_next_workers(tmp_path: Path) -> None:
    environment = FakeEnvironment("cellpose", None)
    for _ in range(3):
        with seen_program(tmp_path, environment):
            pass
    assert [] == list(programs_folder(tmp_path).iterdir())


def test_the_next_launch_tries_again_where_there_could_be_no_door(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    door = ProgramDoor(tmp_path, lambda: [FakeEnvironment("cellpose", None)], pause=0)
    door.begin()
    eventually(lambda: door._opening is not None and door._opening.failed, "it has given up")
    (tmp_path / "state").unlink()
    door.begin()
    eventually(lambda: known_parties(tmp_path), "the program can be seen")
    door.close()


def test_a_launch_succeeds_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    door = ProgramDoor(tmp_path, lambda: [FakeEnvironment("cellpose", None)], pause=0)
    monkeypatch.setattr(threading.Thread, "start", fail)
    door.begin()
    monkeypatch.undo()
    door.close()

    assert [] == list(tmp_path.iterdir())
