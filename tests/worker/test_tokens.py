"""A worker finds the memory that it shares with its host by a path as well: it need not have inherited it."""

from __future__ import annotations

import gc
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pools import DEADLINE, an_environment, pool_of
from wetlands._platform.page import make_page
from wetlands._platform.segment import make_segment
from wetlands_worker.exchange import join
from wetlands_worker.page import SIZE, open_page
from wetlands_worker.tokens import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.page import Page

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="opens /proc")

MODULE = Path(__file__).with_name("array_functions.py")


def in_proc(descriptor: int) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


@pytest.fixture
def by_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers inherit neither page nor segment, and are told paths."""
    kept: list[int] = []

    def page(name: str) -> tuple[Page, str, tuple[int, ...]]:
        ours, _, descriptors = make_page(name)
        kept.extend(descriptors)
        return ours, in_proc(descriptors[0]), ()

    def segment() -> tuple[Exchange | None, str, tuple[int, ...]]:
        ours, token, descriptors = make_segment()
        return ours, f"{in_proc(descriptors[0])}:{token.partition(':')[2]}", ()

    monkeypatch.setattr("wetlands._launch.ends.make_page", page)
    monkeypatch.setattr("wetlands._launch.ends.make_segment", segment)
    yield
    for descriptor in kept:
        os.close(descriptor)


@pytest.mark.usefixtures("by_path")
def test_arrays_cross_to_a_worker_that_has_opened_the_segment_by_a_path() -> None:
    array = np.arange(1_000_000)
    with an_environment() as environment:
        task = environment.submit(MODULE, "echo", (array,))
        echo = task.wait_for(DEADLINE).result
        exchange = pool_of(environment).workers[0].process.call.exchange

    assert exchange is not None
    assert exchange.zone.idle_bytes > 0  # the argument went through it
    assert (array == echo).all()
    del exchange, echo, task
    gc.collect()


@pytest.mark.usefixtures("by_path")
def test_the_page_of_such_a_worker_tells_what_it_began_and_its_stacks() -> None:
    with an_environment() as environment:
        environment.execute(MODULE, "echo", (1,))
        process = pool_of(environment).workers[0].process

        assert process.last_begun() > 0
        assert "serve.py" in process.dump_stacks(DEADLINE)


def test_a_path_may_have_colons(tmp_path: Path) -> None:
    file = tmp_path / "a:b:1"
    file.write_bytes(bytes(1 << 20))
    exchange = join(f"{file}:{1 << 20}:1000:100:sparse")

    assert exchange is not None
    assert 1 << 20 == exchange.segment.size


def test_a_segment_that_is_gone_is_as_good_as_none(tmp_path: Path) -> None:
    assert join(f"{tmp_path / 'gone'}:4096:1000:100:sparse") is None


def test_a_page_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_page(str(tmp_path / "gone"))


def test_both_ends_of_a_page_have_places_of_their_own_in_the_file() -> None:
    ours, token, (descriptor,) = make_page("tests")
    theirs = open_page(in_proc(descriptor))
    theirs.begin(7)
    os.write(theirs.descriptor, b"a stack")

    assert str(descriptor) == token
    assert 7 == ours.last_begun()
    assert b"a stack" == ours.written(0)
    assert not os.get_inheritable(theirs.descriptor)
    assert 0 == os.lseek(descriptor, 0, os.SEEK_CUR)
    for page in (ours, theirs):
        page.close()
    os.close(theirs.descriptor)
    os.close(descriptor)


def test_a_file_that_is_opened_by_its_path_is_not_inherited(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(SIZE))
    descriptor = open_file(str(file))

    assert not os.get_inheritable(descriptor)
    with mmap.mmap(descriptor, SIZE) as memory:
        memory[0] = 1
    os.close(descriptor)
    assert 1 == file.read_bytes()[0]
