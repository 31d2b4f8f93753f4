"""Frames over a stream: whatever the stream does to their bytes, they arrive as they were sent, or not at all."""

from __future__ import annotations

import os
import socket
import threading
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wetlands_worker.arrivals import NO_LIMITS
from wetlands_worker.exchange import Exchange
from wetlands_worker.frames import BrokenFrameError, Connection
from wetlands_worker.pieces import Piece
from wetlands_worker.segments import Segment
from wetlands_worker.values import DecodeError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands_worker.arrivals import Frame

SMALL = st.binary(max_size=200)
LARGE = st.integers(60_000, 200_000).map(lambda size: bytes(range(256)) * (size // 256))
FRAMES = st.lists(
    st.tuples(
        st.integers(0, 255), st.integers(0, 2**32 - 1), SMALL | LARGE, st.lists(SMALL | LARGE, max_size=4).map(tuple)
    ),
    max_size=6,
)
Sent = tuple[int, int, bytes, tuple[bytes, ...]]


class Scripted:
    """A socket that gives its bytes in pieces of the given sizes, and then the end."""

    def __init__(self, data: bytes, sizes: Sequence[int], interrupted: Sequence[int] = ()) -> None:
        self.data = data
        self.sizes = list(sizes)
        self.interrupted = set(interrupted)
        self.reads = 0

    def send(self, data: bytes) -> int:
        raise AssertionError("nothing is sent here")

    def recv_into(self, room: memoryview) -> int:
        self.reads += 1
        if self.reads in self.interrupted:
            self.interrupted.remove(self.reads)
            raise KeyboardInterrupt
        size = min(self.sizes.pop(0) if self.sizes else len(room), len(room), len(self.data))
        room[:size] = self.data[:size]
        self.data = self.data[size:]
        return size


def stream_of(frames: Sequence[Sent]) -> bytes:
    """The bytes of frames, as a real socket carried them."""
    ours, theirs = socket.socketpair()
    received = bytearray()

    def receive() -> None:
        while data := theirs.recv(1 << 20):
            received.extend(data)

    thread = threading.Thread(target=receive)
    thread.start()
    with closing(theirs):
        with closing(ours):
            connection = Connection(ours)
            for kind, number, body, buffers in frames:
                connection.send(kind, number, body, [memoryview(buffer) for buffer in buffers])
        thread.join(10)
    return bytes(received)


def received_by(connection: Connection) -> list[Sent]:
    frames: list[Sent] = []
    while (frame := connection.receive()) is not None:
        kind, number, body, buffers = frame
        frames.append((kind, number, bytes(body), tuple(bytes(cast("bytearray", buffer)) for buffer in buffers)))
    return frames


def over(scripted: Scripted) -> Connection:
    return Connection(scripted)  # type: ignore[arg-type]  # it has what a connection uses of a socket


@settings(max_examples=60)
@given(FRAMES, st.lists(st.integers(1, 100_000), max_size=60))
@example([(1, 2, b"body", (b"", b"x" * 70_000, b""))], [1] * 60)
def test_frames_arrive_as_they_were_sent_however_the_stream_is_cut(frames: list[Sent], sizes: list[int]) -> None:
    assert frames == received_by(over(Scripted(stream_of(frames), sizes)))


@settings(max_examples=60)
@given(FRAMES, st.lists(st.integers(1, 60), min_size=1, max_size=5), st.lists(st.integers(1, 5_000), max_size=60))
def test_reading_that_was_interrupted_goes_on_where_it_was(
    frames: list[Sent], interrupted: list[int], sizes: list[int]
) -> None:
    scripted = Scripted(stream_of(frames), sizes, interrupted)
    connection = over(scripted)
    got: list[Sent] = []
    while True:
        try:
            frame = connection.receive()
        except KeyboardInterrupt:
            continue
        if frame is None:
            break
        got.append(
            (frame[0], frame[1], bytes(frame[2]), tuple(bytes(cast("bytearray", buffer)) for buffer in frame[3]))
        )
    assert frames == got


@settings(max_examples=60)
@given(FRAMES.filter(bool), st.data())
def test_a_stream_that_ends_in_the_middle_gives_the_whole_frames_before_it(
    frames: list[Sent], data: st.DataObject
) -> None:
    stream = stream_of(frames)
    end = data.draw(st.integers(0, len(stream) - 1))
    got = received_by(over(Scripted(stream[:end], ())))
    assert frames[: len(got)] == got
    assert len(got) < len(frames)


@given(st.binary(max_size=400))
def test_junk_never_hangs_and_never_takes_memory_without_bound(junk: bytes) -> None:
    connection = over(Scripted(_with_small_lengths(junk), ()))
    try:
        received_by(connection)
    except BrokenFrameError:
        return


def _with_small_lengths(junk: bytes) -> bytes:
    """Keep the test from asking for terabytes that are within the bound; those above it are refused anyway."""
    return b"".join(byte.to_bytes(1, "little") if place % 16 < 11 else b"\0" for place, byte in enumerate(junk))


def test_a_length_that_can_only_be_damage_is_refused() -> None:
    header = bytes([2, 0, 0, 0]) + (1).to_bytes(4, "little") + (1 << 60).to_bytes(8, "little")
    with pytest.raises(BrokenFrameError, match="a frame of 1152921504606846976 bytes was announced"):
        over(Scripted(header, ())).receive()


def test_a_small_frame_is_one_write_and_one_read() -> None:
    """Two writes per call cost 40 ms on TCP, where Nagle's algorithm and delayed acknowledgements meet."""
    writes: list[int] = []

    class Counting(Scripted):
        def send(self, data: bytes) -> int:
            writes.append(len(data))
            self.data += data
            return len(data)

    scripted = Counting(b"", ())
    connection = over(scripted)
    connection.send(2, 7, b"values", [])
    assert [16 + len(b"values")] == writes
    assert (2, 7, bytearray(b"values"), ()) == connection.receive()
    assert 1 == scripted.reads


# --- a peer that says what it likes -----------------------------------------------------------------------------------

_COUNTS = st.sampled_from((0, 1, 2, 7, 65_534, 65_535))
_LENGTHS = st.sampled_from((0, 1, 100, 70_000, 1 << 20, 1 << 30, (1 << 44) - 1, 1 << 44, 1 << 60, (1 << 64) - 1))


@st.composite
def hostile_frames(draw: st.DrawFn) -> bytes:
    """A header with numbers that are too large, and less behind it than it says."""
    count, size = draw(_COUNTS), draw(_LENGTHS)
    header = bytes((draw(st.integers(0, 255)), draw(st.integers(0, 255)))) + count.to_bytes(2, "little")
    header += draw(st.integers(0, (1 << 32) - 1)).to_bytes(4, "little") + size.to_bytes(8, "little")
    table = b"".join(
        (draw(_LENGTHS) | draw(st.sampled_from((0, 1 << 63, 3 << 62))) & ((1 << 64) - 1)).to_bytes(8, "little")
        for _ in range(draw(st.integers(0, 4)))
    )
    return header + table + draw(st.binary(max_size=100))


@pytest.mark.parametrize("shares", [False, True], ids=["in line", "shared memory"])
@pytest.mark.parametrize("limits", [NO_LIMITS, (1 << 20, 1 << 20, 1 << 10)], ids=["no limits", "limits"])
@settings(max_examples=60)
@given(st.lists(hostile_frames() | st.binary(max_size=100), max_size=4))
def test_whatever_a_peer_announces_reading_ends_and_takes_no_more_memory_than_was_sent(
    shares: bool, limits: tuple[int, int, int], frames: list[bytes]
) -> None:
    connection = over(Scripted(b"".join(frames), ()))
    connection.limits = limits
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, 1 << 20)
    exchange = Exchange(Segment(descriptor, 1 << 20), upper=False, limit=1 << 19, idle_limit=0)
    exchange.introduce = lambda _: False  # as in the host, which waits for no descriptors
    connection.exchange = exchange if shares else None
    frame: Frame | None = None
    tracemalloc.start()
    try:
        while (frame := connection.receive()) is not None:
            for buffer in frame[3]:
                assert not isinstance(buffer, Piece) or buffer.offset + buffer.length <= 1 << 20
    except BrokenFrameError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        frame = connection.exchange = None
        exchange.close()
    assert peak < 200 << 20


@pytest.mark.parametrize("length", [(1 << 26) - 1, 1 << 26, (1 << 26) + 1, (1 << 27) + 5])
def test_long_parts_arrive_although_their_memory_is_made_as_they_come(length: int) -> None:
    sent = bytearray(length)
    sent[-1] = 7
    frame = (1, 2, bytes(sent), (bytes(sent), b"x"))

    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        thread = threading.Thread(
            target=lambda: Connection(theirs).send(1, 2, frame[2], [memoryview(buffer) for buffer in frame[3]])
        )
        thread.start()
        got = Connection(ours).receive()
        thread.join(20)

    assert got is not None
    assert frame == (got[0], got[1], bytes(got[2]), tuple(bytes(cast("bytearray", buffer)) for buffer in got[3]))


def test_what_is_longer_than_the_limits_is_dropped_and_the_next_frame_arrives() -> None:
    stream = stream_of([(1, 2, b"b" * 100_000, ()), (1, 3, b"", (b"x" * 60_000, b"y" * 60_000)), (1, 4, b"next", ())])
    connection = over(Scripted(stream, ()))
    connection.limits = (90_000, 100_000, 10)

    for text in (
        "100,000 bytes of it came at once, and 90,000 are taken",
        "60,000 bytes of it came at once, and 40,000",
    ):
        frame = connection.receive()
        assert frame is not None
        with pytest.raises(DecodeError, match=text):
            decode(frame[2], frame[3])
    assert [(1, 4, b"next", ())] == received_by(connection)


@pytest.mark.parametrize("count", [11, 65_534, 65_535])
def test_too_many_buffers_break_the_connection_before_memory_is_taken_for_them(count: int) -> None:
    header = bytes((1, 0)) + count.to_bytes(2, "little") + bytes(12) + (1 << 24).to_bytes(8, "little")
    connection = over(Scripted(header, ()))
    connection.limits = (90_000, 100_000, 10)
    with pytest.raises(BrokenFrameError, match="buffers was announced"):
        connection.receive()
