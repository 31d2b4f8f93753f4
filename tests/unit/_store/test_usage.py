from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wetlands._platform.process import identify
from wetlands._store import usage


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    path = tmp_path / "0123abcd.users"
    usage.open_gate(path)
    return path


def test_a_generation_that_is_used_cannot_be_closed(gate: Path) -> None:
    mark = usage.mark(gate, os.getpid())

    assert [os.getpid()] == [user.process.pid for user in usage.close(gate)]
    assert gate.is_dir()
    mark.release()
    assert usage.close(gate) == ()
    assert not gate.exists()


def test_a_closed_generation_cannot_be_used(gate: Path) -> None:
    usage.close(gate)

    with pytest.raises(FileNotFoundError):
        usage.mark(gate, os.getpid())


def test_two_uses_of_one_process_end_one_by_one(gate: Path) -> None:
    first, second = usage.mark(gate, os.getpid()), usage.mark(gate, os.getpid())

    first.release()
    first.release()
    assert len(usage.users(gate)) == 1
    second.release()
    assert usage.users(gate) == ()


def test_the_mark_of_a_pid_that_belongs_to_a_later_process_counts_for_nothing(gate: Path) -> None:
    usage.mark(gate, os.getpid())
    (path,) = gate.iterdir()
    us = identify(os.getpid())
    assert us is not None
    # The same pid, started an hour earlier: that process is gone and its number was given to us.
    started = round((us.started - 3600) * 100)
    path.rename(gate / "-".join([str(os.getpid()), str(started), *path.name.split("-")[2:]]))

    assert usage.users(gate) == ()
    assert list(gate.iterdir()) == []


def test_a_mark_of_another_machine_counts_and_the_error_says_what_to_do(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "node7")
        usage.mark(gate, os.getpid())

    (user,) = usage.close(gate)
    (path,) = gate.iterdir()
    assert "another machine" in str(user)
    assert str(path) in str(user)


def test_files_that_are_no_marks_do_not_block(gate: Path) -> None:
    (gate / ".DS_Store").touch()

    assert usage.close(gate) == ()
    assert not gate.exists()


def test_who_comes_in_at_the_last_moment_is_seen(gate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rmdir = Path.rmdir

    def late(path: Path) -> None:
        if not list(path.iterdir()):
            usage.mark(path, os.getpid())
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", late)

    assert [os.getpid()] == [user.process.pid for user in usage.close(gate)]


def test_a_folder_that_cannot_be_removed_is_an_error_and_no_endless_loop(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "rmdir", refuse)

    with pytest.raises(PermissionError):
        usage.close(gate)


def test_a_process_that_does_not_exist_cannot_use_anything(gate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "identify", lambda pid: None)

    with pytest.raises(ProcessLookupError):
        usage.mark(gate, 12345)
