"""Sending frames: one send for a small one, no waiting where none is allowed, and an end that everybody sees."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pools import in_thread
from wetlands_worker.frames import BrokenFrameError, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE = bytes(range(256)) * 4096


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = socket.socketpair()
    yield Connection(ours), Connection(theirs)
    ours.close()
    theirs.close()


class InterruptedSocket:
    """A socket whose next receive is left by Ctrl-C, before or after the bytes have come."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.send = real.send
        self.before: Callable[[], None] = lambda: None

    def recv_into(self, room: memoryview) -> int:
        self.before()
        return self.real.recv_into(room)


def fill(connection: Connection) -> int:
    """Offer frames until the kernel takes no more; how many it took."""
    count = 0
    while connection.offer(7, count, b"x" * 1000):
        count += 1
    return count


def test_the_number_kind_body_and_buffers_arrive(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    sending = in_thread(lambda: ours.send(3, 2**32 - 1, b"body", [memoryview(LARGE), memoryview(b"")]))

    frame = theirs.receive()
    sending()
    assert frame is not None
    kind, number, body, buffers = frame
    contents: list[object] = list(buffers)
    assert (3, 2**32 - 1, b"body") == (kind, number, bytes(body))
    assert [LARGE, b""] == contents
    assert all(type(buffer) is bytearray for buffer in buffers), "arrays on them must be writable"


def test_an_offer_never_waits_and_what_it_took_arrives_whole(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    count = fill(ours)
    assert count
    assert not ours.offer(7, count, b"refused")

    flushing = in_thread(ours.flush)
    received = [theirs.receive() for _ in range(count)]
    flushing()
    assert [(7, number) for number in range(count)] == [frame[:2] for frame in received if frame is not None]
    assert ours.offer(7, 0, b"there is room again")


def test_an_offer_does_not_wait_for_a_send_that_is_under_way(ends: tuple[Connection, Connection]) -> None:
    ours, _ = ends
    with ours._lock:
        assert not ours.offer(7, 1, b"x")


def test_a_frame_that_was_offered_in_part_goes_before_what_is_sent_next(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    taken: list[int] = []
    send = ours._send

    def in_pieces(data: bytes, *flags: int) -> int:
        taken.append(send(data[:5] if len(taken) < 1 else data, *flags))
        return taken[-1]

    ours._send = in_pieces  # type: ignore[assignment]  # a kernel that takes five bytes at first
    assert ours.offer(7, 1, b"first")
    ours.send(8, 2, b"second")

    assert [(7, 1), (8, 2)] == [frame[:2] for frame in (theirs.receive(), theirs.receive()) if frame is not None]


def test_a_send_that_is_interrupted_ends_the_connection_for_both(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends

    def interrupted(data: bytes) -> int:
        raise KeyboardInterrupt

    ours._send = interrupted  # type: ignore[assignment]  # Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        ours.send(1, 1, b"x")

    assert theirs.receive() is None
    assert ours.receive() is None


@pytest.mark.parametrize("size", [10, len(LARGE)])
def test_ctrl_c_before_or_with_the_bytes_loses_none_of_them(size: int) -> None:
    ours, theirs = socket.socketpair()
    real = InterruptedSocket(theirs)
    receiving = Connection(real)  # type: ignore[arg-type]  # what it uses of a socket
    turns = iter(range(10_000))

    def interrupt_every_second_time() -> None:
        if next(turns) % 2 == 0:
            raise KeyboardInterrupt

    real.before = interrupt_every_second_time
    body = LARGE[:size]
    sending = in_thread(lambda: Connection(ours).send(1, 5, body))
    frame = None
    while frame is None:
        try:
            frame = receiving.receive()
        except KeyboardInterrupt:
            continue

    sending()
    assert (1, 5, body) == (frame[0], frame[1], bytes(frame[2]))
    ours.close()
    theirs.close()


def test_ctrl_c_after_the_bytes_came_and_before_they_are_counted_loses_none(
    ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter raises it between the return of the C function and the next statement."""
    ours, theirs = ends
    ours.send(1, 5, b"body")
    receive_into = theirs._receive_into

    def interrupted(room: memoryview) -> int:
        receive_into(room)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_receive_into", lambda _self, room: interrupted(room))
        with pytest.raises(KeyboardInterrupt):
            theirs.receive()

    frame = theirs.receive()
    assert frame is not None
    assert (1, 5, b"body") == (frame[0], frame[1], bytes(frame[2]))


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 20])
def test_a_stream_that_ends_inside_a_frame_is_an_end(ends: tuple[Connection, Connection], cut: int) -> None:
    ours, theirs = ends
    ours.send(1, 1, b"0123456789")
    whole = theirs.socket.recv(100)
    ours.socket.sendall(whole[:cut])
    ours.abort()

    assert theirs.receive() is None
    assert theirs.receive() is None


def test_a_closed_connection_has_ended_and_can_be_aborted_again(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    theirs.close()

    assert ours.receive() is None
    with pytest.raises(OSError, match=r"."):
        ours.send(1, 1, b"x")
    ours.abort()
    ours.close()
    ours.abort()


@pytest.mark.parametrize("count", [3000, 65_534, 65_535, 65_536, 70_000])
def test_any_number_of_buffers_arrives(ends: tuple[Connection, Connection], count: int) -> None:
    """One system call takes about a thousand, and the header counts to 65,535."""
    ours, theirs = ends
    buffers = [memoryview(b"%d" % number) for number in range(count)]
    sending = in_thread(lambda: ours.send(1, 1, b"body", buffers))

    frame = theirs.receive()
    sending()
    assert frame is not None
    contents: list[object] = list(frame[3])
    assert [bytes(buffer) for buffer in buffers] == contents
    assert b"body" == bytes(frame[2])


def test_a_number_of_buffers_that_can_only_be_damage_is_refused(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    ours.send(1, 1, b"x")
    header = bytearray(theirs.socket.recv(100)[:16])
    header[2:4] = b"\xff\xff"
    ours.socket.sendall(bytes(header) + b"\xff" * 8)

    with pytest.raises(BrokenFrameError, match="buffers"):
        theirs.receive()


def test_a_connection_tells_that_another_frame_came_with_the_last_one(ends: tuple[Connection, Connection]) -> None:
    """Who waits for the socket to become readable would not learn of it."""
    sender, receiver = ends
    sender.send(2, 1, b"first")
    sender.send(2, 2, b"second")
    receiver.receive()
    another = receiver.has_more()
    frame = receiver.receive()

    assert frame is not None
    assert (True, 2, False) == (another, frame[1], receiver.has_more())
