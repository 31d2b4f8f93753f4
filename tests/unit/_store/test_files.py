from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wetlands._store import files
from wetlands._store.files import remove_tree, write_atomically
from wetlands._store.reclaim import Reclaimer


def test_a_reader_sees_the_old_text_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path, staged = tmp_path / "file", tmp_path / "file.tmp"
    path.write_text("old")
    seen: list[tuple[str, str]] = []

    write_atomically(path, "new", staged=staged, reached=lambda step: seen.append((path.read_text(), step)))

    assert seen == [("old", "record staged")]
    assert path.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_text_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, staged = tmp_path / "file", tmp_path / "file.tmp"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new", staged=staged)

    assert path.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_file_that_is_being_read_is_replaced_as_soon_as_that_is_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    refusals = iter([PermissionError("in use"), PermissionError("in use")])
    replace = Path.replace

    def sometimes(source: Path, target: Path) -> Path:
        for refusal in refusals:
            raise refusal
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", sometimes)
    monkeypatch.setattr(files, "_PAUSE_SECONDS", 0)

    write_atomically(path, "new", staged=tmp_path / "file.tmp")

    assert path.read_text() == "new"


def test_a_file_that_stays_in_use_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(source: Path, target: Path) -> Path:
        raise PermissionError("in use")

    monkeypatch.setattr(Path, "replace", never)
    monkeypatch.setattr(files, "_PAUSE_SECONDS", 0)

    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", "new", staged=tmp_path / "file.tmp")
    assert list(tmp_path.iterdir()) == []


def test_read_only_files_and_folders_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "prefix" / "deep" / "folder"
    folder.mkdir(parents=True)
    (folder / "file").write_text("text")
    (folder / "file").chmod(0o400)
    folder.chmod(0o500)
    folder.parent.chmod(0)

    assert remove_tree(tmp_path / "prefix")
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_what_they_lead_to_is_not(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("text")
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    (prefix / "folder").symlink_to(precious, target_is_directory=True)
    (prefix / "file").symlink_to(precious / "file")

    assert remove_tree(prefix)
    assert (precious / "file").read_text() == "text"


def test_what_resists_is_left_without_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prefix").mkdir()
    (tmp_path / "prefix" / "locked.dll").write_text("text")
    (tmp_path / "prefix" / "other").write_text("text")
    unlink = os.unlink

    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        if "locked" in path:
            raise PermissionError(errno.EACCES, "in use", path)
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)

    assert not remove_tree(tmp_path / "prefix")
    assert [path.name for path in (tmp_path / "prefix").iterdir()] == ["locked.dll"]


def test_a_file_that_a_cache_has_too_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached, prefix = tmp_path / "cached", tmp_path / "prefix"
    prefix.mkdir()
    cached.write_text("text")
    cached.chmod(0o444)
    (prefix / "file").hardlink_to(cached)

    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        raise PermissionError(errno.EACCES, "no right", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        assert not remove_tree(prefix, system="posix")

    assert cached.stat().st_mode & 0o777 == 0o444
    assert remove_tree(prefix, system="posix")


def test_the_mark_that_keeps_windows_from_deleting_a_file_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prefix" / "file"
    file.parent.mkdir()
    file.write_text("text")
    file.chmod(0o444)
    unlink = os.unlink

    def as_on_windows(path: str, *, dir_fd: int | None = None) -> None:
        if not file.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "read-only", path)
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", as_on_windows)
    # With folders as descriptors, as here, the names that fail are not complete.
    monkeypatch.setattr("shutil.rmtree.avoids_symlink_attacks", False, raising=False)
    monkeypatch.setattr("shutil._use_fd_functions", False)

    assert remove_tree(file.parent, system="windows")


def test_what_is_set_aside_is_out_of_sight_at_once_and_deleted_in_the_background(tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "tools" / "0123abcd"
    prefix.mkdir(parents=True)
    (prefix / "file").write_text("text")
    reclaimer = Reclaimer(tmp_path / "debris")

    reclaimer.set_aside(prefix, "tools-0123abcd")
    assert not prefix.exists()
    assert [path.name.rsplit("-", 1)[0] for path in (tmp_path / "debris").iterdir()] == ["tools-0123abcd"]

    reclaimer.start()
    assert reclaimer.wait(10)
    assert not (tmp_path / "debris").exists()


def test_what_cannot_be_renamed_is_deleted_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path / "prefix"
    prefix.mkdir()

    def other_device(path: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", other_device)
    Reclaimer(tmp_path / "debris").set_aside(prefix, "label")

    assert not prefix.exists()


def test_setting_aside_what_is_gone_does_nothing(tmp_path: Path) -> None:
    Reclaimer(tmp_path / "debris").set_aside(tmp_path / "gone", "label")

    assert list(tmp_path.iterdir()) == []


def test_debris_that_cannot_be_deleted_is_tried_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "debris" / "entry").mkdir(parents=True)
    reclaimer = Reclaimer(tmp_path / "debris")

    with monkeypatch.context() as patch:
        patch.setattr("wetlands._store.reclaim.remove_tree", lambda path: False)
        reclaimer.start()
        assert reclaimer.wait(10)
    assert (tmp_path / "debris" / "entry").is_dir()

    reclaimer.start()
    assert reclaimer.wait(10)
    assert not (tmp_path / "debris").exists()
