"""Frames over a stream: whatever the stream does to their bytes, they arrive as they were sent, or not at all."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wetlands_worker.frames import BrokenFrameError, Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@settings(deadline=None, max_examples=60)
@given(FRAMES, st.lists(st.integers(1, 100_000), max_size=60))
@example([(1, 2, b"body", (b"", b"x" * 70_000, b""))], [1] * 60)
def test_frames_arrive_as_they_were_sent_however_the_stream_is_cut(frames: list[Sent], sizes: list[int]) -> None:
    assert frames == received_by(over(Scripted(stream_of(frames), sizes)))


@settings(deadline=None, max_examples=60)
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


@settings(deadline=None, max_examples=60)
@given(FRAMES.filter(bool), st.data())
def test_a_stream_that_ends_in_the_middle_gives_the_whole_frames_before_it(
    frames: list[Sent], data: st.DataObject
) -> None:
    stream = stream_of(frames)
    end = data.draw(st.integers(0, len(stream) - 1))
    got = received_by(over(Scripted(stream[:end], ())))
    assert frames[: len(got)] == got
    assert len(got) < len(frames)


@settings(deadline=None)
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
