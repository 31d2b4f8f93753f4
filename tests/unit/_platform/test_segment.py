"""How much memory a host and a worker may share, and what happens where there is none."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from named_mappings import mapping_by_name
from wetlands._platform.segment import make_segment, memory_of_machine, most_in_flight
from wetlands_worker.exchange import join
from wetlands_worker.segments import Segment
from wetlands_worker.zones import GRAIN

if TYPE_CHECKING:
    from wetlands._platform.system import System


def unnamed() -> int:
    return os.memfd_create("wetlands-tests")


def test_the_token_says_what_the_child_needs() -> None:
    exchange, token, descriptors = make_segment(create=unnamed, limit=800)

    assert exchange is not None
    assert f"{descriptors[0]}:{exchange.segment.size}:800:100:sparse" == token
    assert 1 == len(descriptors)


def test_where_the_system_has_no_such_memory_there_is_none() -> None:
    def refuse() -> int:
        raise OSError(errno.ENOSYS, "no")

    assert (None, "-", ()) == make_segment(create=refuse)


def test_fewer_addresses_are_asked_for_where_not_so_many_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    truncate = os.ftruncate

    def limited(descriptor: int, size: int) -> None:
        if size > 1 << 36:
            raise OSError(errno.EFBIG, "too large")
        truncate(descriptor, size)

    monkeypatch.setattr(os, "ftruncate", limited)
    exchange, _, _ = make_segment(create=unnamed)

    assert exchange is not None
    assert 1 << 36 == exchange.segment.size


def test_a_python_without_memfd_asks_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    exchange, _, descriptors = make_segment()

    assert exchange is not None
    assert "memfd:wetlands" in Path(f"/proc/self/fd/{descriptors[0]}").readlink().name
    assert not os.get_inheritable(descriptors[0])
    with pytest.raises(PermissionError):
        os.ftruncate(descriptors[0], 0)


def test_where_that_has_none_either_it_is_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(ctypes, "CDLL", lambda _, use_errno: object())
    exchange, _, descriptors = make_segment()

    assert exchange is not None
    assert 0 == os.fstat(descriptors[0]).st_nlink
    assert "/dev/shm/#" in str(Path(f"/proc/self/fd/{descriptors[0]}").readlink())


def test_a_system_with_nothing_of_the_kind_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.delattr(os, "O_TMPFILE")
    monkeypatch.setitem(sys.modules, "ctypes", None)

    assert (None, "-", ()) == make_segment()


# --- memory of a fixed length -----------------------------------------------------------------------------------------


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MADV_REMOVE")
    monkeypatch.delenv("WETLANDS_SHARED_MEMORY", raising=False)


@pytest.mark.usefixtures("macos")
def test_where_parts_cannot_be_given_back_there_are_as_many_addresses_as_may_be_lent() -> None:
    exchange, token, descriptors = make_segment(limit=100 * GRAIN - 5)

    assert exchange is not None
    assert f"{descriptors[0]}:{200 * GRAIN}:{100 * GRAIN - 5}:{(100 * GRAIN - 5) // 8}:fixed" == token
    assert (True, 200 * GRAIN) == (exchange.segment.fixed, exchange.segment.size)
    assert (0, False) == exchange.zone.take(96 * GRAIN)


@pytest.mark.usefixtures("macos")
def test_that_memory_has_no_name_once_it_is_made() -> None:
    before = names()
    exchange, _, descriptors = make_segment(limit=GRAIN)

    assert exchange is not None
    assert before == names()
    assert 0 == os.fstat(descriptors[0]).st_nlink
    assert not os.get_inheritable(descriptors[0])


@pytest.mark.usefixtures("macos")
def test_a_name_that_a_killed_process_left_is_removed_by_the_next() -> None:
    (SHARED / f"wetlands-{os.getuid()}").touch()
    exchange, _, _ = make_segment(limit=GRAIN)

    assert exchange is not None
    assert f"wetlands-{os.getuid()}" not in names()


@pytest.mark.usefixtures("macos")
def test_a_name_that_always_comes_back_is_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    import _posixshmem  # type: ignore[import-not-found]

    def taken(*_: object, **__: object) -> int:
        raise FileExistsError

    monkeypatch.setattr(_posixshmem, "shm_open", taken)

    assert (None, "-", ()) == make_segment(limit=GRAIN)


@pytest.mark.usefixtures("macos")
def test_less_is_taken_where_the_system_does_not_grant_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    truncate = os.ftruncate

    def limited(descriptor: int, size: int) -> None:
        if size > 1 << 28:
            raise OSError(errno.ENOMEM, "too large")
        truncate(descriptor, size)

    monkeypatch.setattr(os, "ftruncate", limited)
    exchange, token, _ = make_segment(limit=1 << 30)

    assert exchange is not None
    assert 1 << 28 == exchange.segment.size
    assert token.endswith(f":{1 << 28}:{1 << 27}:{1 << 24}:fixed")
    assert (None, "-", ()) == make_segment(limit=1 << 30, create=refused)


def refused() -> int:
    raise OSError(errno.ENOMEM, "no")


@pytest.mark.parametrize("system, share", [("posix", 4), ("windows", 16)])
@pytest.mark.usefixtures("macos")
def test_a_worker_gets_a_part_of_the_memory_unless_the_user_says_how_much(
    system: System, share: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mmap, "mmap", mapping_by_name(str(tmp_path)))
    exchange, token, _ = make_segment(system=system)
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "80 MB")
    _, asked, _ = make_segment(system=system)

    assert exchange is not None
    assert f"{memory_of_machine() // share}" == token.split(":")[2]
    assert "80000000" == asked.split(":")[2]


def test_windows_finds_it_by_a_name_that_nobody_else_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mmap, "mmap", mapping_by_name(str(tmp_path)))
    ours, token, descriptors = make_segment(limit=2 * GRAIN, system="windows")
    again, _, _ = make_segment(limit=2 * GRAIN, system="windows")
    theirs = join(token)
    assert ours is not None
    assert theirs is not None
    assert again is not None
    ours.segment.write(5, memoryview(b"hello"), warm=False)

    assert () == descriptors
    assert ours.segment.name != again.segment.name
    assert (ours.segment.name, -1) == (theirs.segment.name, theirs.segment.descriptor)
    assert b"hello" == theirs.segment.memory[5:10]
    assert (2 * GRAIN, False) == theirs.zone.take(1)


def test_memory_that_cannot_be_given_back_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, GRAIN)
    segment = Segment(descriptor, GRAIN, fixed=True)
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.delattr(os, "pwrite")
    segment.reserve(0, GRAIN)
    segment.write(0, memoryview(b"hello"), warm=False)
    segment.discard(0, GRAIN)

    assert b"hello" == segment.memory[:5]


SHARED = Path("/dev/shm")


def names() -> set[str]:
    return {path.name for path in SHARED.iterdir() if path.name.startswith("wetlands")}


# --- how much ---------------------------------------------------------------------------------------------------------


def test_the_limit_of_a_control_group_counts(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("max\n", encoding="ascii")
    (tmp_path / "some").write_text("123456\n", encoding="ascii")
    machine = memory_of_machine(())

    assert machine > 123456
    assert machine == memory_of_machine((tmp_path / "none", tmp_path / "missing"))
    assert 123456 == memory_of_machine((tmp_path / "none", tmp_path / "some"))


def test_half_of_the_memory_may_be_lent_and_an_eighth_of_that_stays_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WETLANDS_SHARED_MEMORY", raising=False)
    assert memory_of_machine() // 2 == most_in_flight()
    exchange, token, _ = make_segment()

    assert exchange is not None
    assert token.endswith(f":{memory_of_machine() // 2}:{memory_of_machine() // 16}:sparse")


def test_the_user_says_how_much_may_be_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "80 MB")
    exchange, token, _ = make_segment()

    assert exchange is not None
    assert token.endswith(":80000000:10000000:sparse")


def test_the_user_may_want_no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")

    assert (None, "-", ()) == make_segment()


def test_a_limit_that_is_no_amount_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "much")
    with pytest.raises(ValueError, match=r"WETLANDS_SHARED_MEMORY is a number of bytes, or text .*, not 'much'"):
        make_segment()
