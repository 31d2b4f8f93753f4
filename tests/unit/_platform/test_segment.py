"""How much memory a host and a worker may share, and what happens where there is none."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from wetlands._platform import segment
from wetlands._platform.segment import make_segment, memory_of_machine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def unnamed() -> int:
    return os.memfd_create("wetlands-tests")


def test_the_token_says_what_the_child_needs() -> None:
    exchange, token, descriptors = make_segment(create=unnamed, memory=1600)

    assert exchange is not None
    assert f"{descriptors[0]}:{exchange.segment.size}:800:100" == token
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


def test_a_python_without_memfd_makes_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    exchange, _, descriptors = make_segment()

    assert exchange is not None
    assert 0 == os.fstat(descriptors[0]).st_nlink


def test_a_system_with_neither_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.delattr(os, "O_TMPFILE")

    assert (None, "-", ()) == make_segment()


def test_the_limit_of_a_control_group_counts(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("max\n", encoding="ascii")
    (tmp_path / "some").write_text("123456\n", encoding="ascii")
    machine = memory_of_machine(())

    assert machine > 123456
    assert machine == memory_of_machine((tmp_path / "none", tmp_path / "missing"))
    assert 123456 == memory_of_machine((tmp_path / "none", tmp_path / "some"))


def test_half_of_the_memory_may_be_lent() -> None:
    assert (2, 16) == (segment._LENT_SHARE, segment._IDLE_SHARE)
