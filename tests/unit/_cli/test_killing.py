from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from watched import FakeEnvironment, seen_program
from wetlands._platform import process as processes
from wetlands._platform.process import ProcessIdentity, identify
from wetlands._store.keys import auth_key
from wetlands._store.parties import Party, WorkerNote, programs_folder, write_note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]

HERE = identify(os.getpid()) or ProcessIdentity(os.getpid(), 0.0)
WORKERS = (WorkerNote("cellpose", 0, HERE), WorkerNote("other", 0, HERE))
SILENT = Party("program", HERE, "a.py", "unix:/nobody listens here", 2, 1.0, WORKERS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "instance (ü)"


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[ProcessIdentity]:
    """Who is killed, which is nobody: the recorded worker is this process."""
    found: list[ProcessIdentity] = []

    def kill(identity: ProcessIdentity) -> bool:
        found.append(identity)
        return True

    monkeypatch.setattr(processes, "kill_tree", kill)
    return found


def note(root: Path, party: Party) -> None:
    folder = programs_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    write_note(folder / f"{party.process.pid}-ab.json", party)


def test_a_program_that_answers_stops_its_workers_itself(
    wetlands: Run, root: Path, killed: list[ProcessIdentity]
) -> None:
    environment, other = FakeEnvironment("cellpose", None), FakeEnvironment("other", None, pid=os.getppid())
    with seen_program(root, environment, other):
        done = wetlands("kill", "-n", "cellpose")

    assert 0 == done.exit_code
    assert f"Stopped 1 worker of cellpose (pid {os.getpid()}), of program" in done.stdout
    assert environment.running_pool is None
    assert other.running_pool is not None
    assert [] == killed


def test_the_recorded_workers_of_a_program_that_does_not_answer_are_killed(
    wetlands: Run, root: Path, killed: list[ProcessIdentity]
) -> None:
    note(root, SILENT)
    done = wetlands("kill", "-n", "cellpose")

    assert 0 == done.exit_code
    assert [HERE] == killed
    assert "Killed 1 worker of cellpose" in done.stdout
    assert "Program a.py" in done.stderr
    assert "nobody can be reached" in done.stderr
    assert "Should it go on, it starts new workers" in done.stderr


def test_the_workers_of_a_dead_program_are_killed(wetlands: Run, root: Path, killed: list[ProcessIdentity]) -> None:
    note(root, replace(SILENT, process=replace(HERE, started=1.0)))
    done = wetlands("kill", "-n", "cellpose")

    assert (0, [HERE]) == (done.exit_code, killed)
    assert "its process is gone" in done.stderr
    assert "starts new workers" not in done.stderr


def test_a_process_that_was_given_the_pid_of_a_worker_is_not_killed(
    wetlands: Run, root: Path, killed: list[ProcessIdentity]
) -> None:
    note(root, replace(SILENT, workers=(WorkerNote("cellpose", 0, replace(HERE, started=HERE.started - 60)),)))
    done = wetlands("kill", "-n", "cellpose")

    assert (1, []) == (done.exit_code, killed)


def test_with_a_key_that_others_may_read_the_recorded_workers_are_killed(
    wetlands: Run, root: Path, killed: list[ProcessIdentity]
) -> None:
    with seen_program(root, FakeEnvironment("cellpose", None)):
        auth_key(root)[0].chmod(0o644)
        done = wetlands("kill", "-n", "cellpose")

    assert (0, [HERE]) == (done.exit_code, killed)
    assert "Other users may read the key" in done.stderr


def test_what_the_system_does_not_let_go_of_is_named(
    wetlands: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(root, SILENT)
    monkeypatch.setattr(processes, "kill_tree", lambda _identity: False)
    done = wetlands("kill", "-n", "cellpose")

    assert 1 == done.exit_code
    assert f"does not let go of pid {os.getpid()}" in done.stderr


def test_an_environment_without_workers_is_an_error(wetlands: Run, root: Path, killed: list[ProcessIdentity]) -> None:
    with seen_program(root, FakeEnvironment("other", None)):
        done = wetlands("kill", "-n", "cellpose")

    assert 1 == done.exit_code
    assert "No workers of 'cellpose' run in" in done.stderr
    assert 2 == wetlands("kill").exit_code


def test_a_program_that_cannot_stop_its_workers_has_them_killed(
    wetlands: Run, root: Path, killed: list[ProcessIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = FakeEnvironment("cellpose", None)

    def fail() -> None:
        raise RuntimeError("stuck")

    monkeypatch.setattr(environment, "exit", fail)
    with seen_program(root, environment):
        done = wetlands("kill", "-n", "cellpose")

    assert (0, [HERE]) == (done.exit_code, killed)
    assert "stuck" in done.stderr
