"""How much memory a host and a worker may share, and what happens where there is none."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from wetlands._platform.segment import make_segment, memory_of_machine, most_in_flight

if TYPE_CHECKING:
    from pathlib import Path


def unnamed() -> int:
    return os.memfd_create("wetlands-tests")


def test_the_token_says_what_the_child_needs() -> None:
    exchange, token, descriptors = make_segment(create=unnamed, limit=800)

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


def test_half_of_the_memory_may_be_lent_and_an_eighth_of_that_stays_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WETLANDS_SHARED_MEMORY", raising=False)
    assert memory_of_machine() // 2 == most_in_flight()
    exchange, token, _ = make_segment()

    assert exchange is not None
    assert token.endswith(f":{memory_of_machine() // 2}:{memory_of_machine() // 16}")


def test_the_user_says_how_much_may_be_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "80 MB")
    exchange, token, _ = make_segment()

    assert exchange is not None
    assert token.endswith(":80000000:10000000")


def test_the_user_may_want_no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")

    assert (None, "-", ()) == make_segment()


def test_a_limit_that_is_no_amount_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "much")
    with pytest.raises(ValueError, match=r"WETLANDS_SHARED_MEMORY is a number of bytes, or text .*, not 'much'"):
        make_segment()
