from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from pools import in_thread
from wetlands._platform import publish as publishing
from wetlands._store import keys
from wetlands._store.keys import auth_key, private_folder
from wetlands.exceptions import StateError

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_who_asks_makes_a_key_for_this_user_alone(tmp_path: Path) -> None:
    path, key = auth_key(tmp_path / "instance")

    assert tmp_path / "instance" / "state" / "auth.key" == path
    assert 32 == len(key)
    assert (0o600, 0o700) == (mode(path), mode(path.parent))
    assert [path] == list(path.parent.iterdir())


def test_the_next_get_the_same_key_and_every_instance_has_its_own(tmp_path: Path) -> None:
    first = auth_key(tmp_path / "a")

    assert first == auth_key(tmp_path / "a")
    assert first[1] != auth_key(tmp_path / "b")[1]


def test_of_several_that_make_one_at_the_same_time_all_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[tuple[Path, bytes]] = []
    write = keys._write

    def write_and_be_overtaken(path: Path) -> None:
        write(path)
        monkeypatch.setattr(keys, "_write", write)
        others.append(auth_key(tmp_path))

    monkeypatch.setattr(keys, "_write", write_and_be_overtaken)

    assert [auth_key(tmp_path)] == others
    assert ["auth.key"] == [path.name for path in (tmp_path / "state").iterdir()]


def test_a_key_is_never_seen_half_written_nor_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0)
    try:
        seen = []
        fsync = os.fsync

        def look(descriptor: int) -> None:
            seen.append((stat.S_IMODE(os.fstat(descriptor).st_mode), (tmp_path / "state" / "auth.key").exists()))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", look)
        auth_key(tmp_path)
    finally:
        os.umask(before)

    assert [(0o600, False)] == seen


def test_without_hard_links_the_key_is_written_in_place_and_readers_look_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path, key = auth_key(tmp_path)
    assert (32, 0o600) == (len(key), mode(path))
    assert [path] == list(path.parent.iterdir())

    path.write_bytes(key[:7])
    monkeypatch.setattr(time, "sleep", lambda _seconds: path.write_bytes(key))
    assert (path, key) == auth_key(tmp_path)


def test_on_windows_the_finished_key_is_renamed(tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(b"key")
    publishing.publish(staged, tmp_path / "auth.key", system="windows")

    assert ["auth.key"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused_and_left_as_it_is(tmp_path: Path, open_to: int) -> None:
    path, _ = auth_key(tmp_path)
    path.chmod(open_to)

    with pytest.raises(StateError, match=rf"Other users may read the key .*{open_to:04o}.*Remove it"):
        auth_key(tmp_path)
    assert open_to == mode(path)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    path, _ = auth_key(tmp_path)
    path.write_bytes(bytes(size))
    monkeypatch.setattr(keys, "_PAUSE_SECONDS", 0)

    with pytest.raises(StateError, match=r"damaged.*Remove it"):
        auth_key(tmp_path)


def test_a_link_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    path, _ = auth_key(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateError, match="cannot be read"):
        auth_key(tmp_path)


def test_a_pipe_in_place_of_the_key_is_not_waited_for(tmp_path: Path) -> None:
    path, _ = auth_key(tmp_path)
    path.unlink()
    os.mkfifo(path, 0o600)
    reading = in_thread(lambda: auth_key(tmp_path))

    with pytest.raises(StateError, match="no file"):
        reading()


def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = auth_key(tmp_path)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with pytest.raises(StateError, match=r"The folder .* belongs to another user"):
        auth_key(tmp_path)
    monkeypatch.setattr(keys, "private_folder", lambda folder: folder)
    with pytest.raises(StateError, match=r"The key .* belongs to another user"):
        auth_key(tmp_path)


def test_a_folder_of_ours_that_others_may_enter_is_put_right(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o755)
    auth_key(tmp_path)

    assert 0o700 == mode(folder)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(StateError, match="should be a folder"):
        private_folder(tmp_path / "state")
