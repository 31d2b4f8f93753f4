from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from wetlands_worker import eager
from wetlands_worker.descriptors import DONTWAIT
from wetlands_worker.eager import Eager, helps
from wetlands_worker.frames import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 10.0
ROOM = memoryview(bytearray(100))


class Line:
    """A socket on which something comes when it was asked for so often."""

    def __init__(self, *after: int) -> None:
        self.asked = 0
        self._after = list(after)

    def recv_into(self, _room: memoryview, _size: int, flags: int) -> int:
        assert flags == DONTWAIT
        self.asked += 1
        if self._after and self._after[0] == self.asked:
            self.asked = 0
            self._after.pop(0)
            return 7
        raise BlockingIOError


def received(waiting: Eager, line: Line) -> list[int]:
    got: list[int] = []
    waiting.receive(line.recv_into, ROOM, got)
    return got


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a tenth of the moment."""
    now = 0.0

    def perf_counter() -> float:
        nonlocal now
        now += eager._MOMENT / 10
        return now

    monkeypatch.setattr(eager, "perf_counter", perf_counter)


@pytest.mark.usefixtures("clock")
def test_what_comes_within_the_moment_is_received_and_nothing_is_waited_for_beyond_it() -> None:
    assert [7] == received(Eager(), Line(1))
    assert [7] == received(Eager(), Line(9))
    late = Line(1_000)
    assert [] == received(Eager(), late)
    assert 9 <= late.asked <= 11


@pytest.mark.usefixtures("clock")
def test_what_is_in_vain_is_tried_less_and_less_often_until_it_is_not() -> None:
    waiting, line = Eager(), Line()
    tried = []
    for number in range(300):
        before = line.asked
        assert [] == received(waiting, line)
        if line.asked > before:
            tried.append(number)
    assert [0, 2, 6, 14, 30, 62, 126, 190, 254] == tried

    came = [number for number in range(300) if received(waiting, Line(1))]
    assert list(range(18, 300)) == came, "from the first success on, each is tried"


def test_a_broken_connection_is_told() -> None:
    def broken(*_args: object) -> int:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Eager().receive(broken, ROOM, [])


def test_it_helps_where_the_system_can_be_asked_and_the_other_side_has_a_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3, 5}, raising=False)
    assert (True, False) == (helps(64), helps(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    assert not helps(64)
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, helpful in ((1, False), (4, True), (None, True)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert helpful is helps(64)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, Connection]]:
    monkeypatch.setattr("wetlands_worker.frames.helps", lambda: True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ends = Connection(ours), Connection(theirs)
        ends[1].wait_eagerly()
        yield ends


def test_frames_of_all_sizes_arrive_whole(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    bodies = [bytes([number % 256]) * size for number, size in enumerate([0, 1, 70_000, 20, 3_000_000, 5] * 5)]

    go_on = threading.Semaphore(3)

    def send() -> None:
        for number, body in enumerate(bodies):
            assert go_on.acquire(timeout=DEADLINE)
            ours.send(4, number, body)
        ours.abort()

    sender = threading.Thread(target=send)
    sender.start()
    came = []
    while (frame := theirs.receive()) is not None:
        came.append(bytes(frame[2]))
        go_on.release()
    sender.join()

    assert bodies == came


def test_the_end_of_the_other_side_is_seen(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    ours.close()
    assert theirs.receive() is None
