"""Buffers that cross through shared memory: by value, on the block itself, and back when nobody refers to them."""

from __future__ import annotations

import errno
import gc
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exchanges import SIZE, a_connection, carried, decoded, frame_of, give_back, zone_of
from wetlands_worker import arrivals, messages
from wetlands_worker.exchange import THRESHOLD, Lease, join
from wetlands_worker.frames import BrokenFrameError, Connection
from wetlands_worker.segments import Reference, Segment
from wetlands_worker.values import DecodeError, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 100_000


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    with a_connection() as both:
        yield both


Ends = tuple[Connection, Connection]


def test_an_array_arrives_on_the_shared_memory_and_can_be_written(ends: Ends) -> None:
    array = np.arange(LARGE, dtype="u1")
    arrived = carried([array], *ends)[0]
    arrived[0] = 77

    assert "LeasedMemory" == type(arrived.base).__name__
    assert 0 == array[0]
    assert (array[1:] == arrived[1:]).all()


@pytest.mark.parametrize("size, shared", [(THRESHOLD - 1, 0), (THRESHOLD, 1), (5_000_000, 1)])
def test_buffers_below_the_threshold_travel_in_line(ends: Ends, size: int, shared: int) -> None:
    frame = frame_of(np.zeros(size, "u1"), *ends)

    assert shared == sum(isinstance(buffer, Lease) for buffer in frame[3])
    assert size == decoded(frame).size


def test_large_and_small_buffers_of_one_value_keep_their_order(ends: Ends) -> None:
    parts = [np.full(size, number, "u1") for number, size in enumerate([5000, LARGE, 6000, 2 * LARGE, 0, 70_000])]
    arrived = carried(parts, *ends)

    for part, other in zip(parts, arrived, strict=True):
        np.testing.assert_array_equal(part, other)


def test_byte_strings_cross_through_it_too(ends: Ends) -> None:
    value = [b"x" * LARGE, bytearray(b"y" * LARGE)]

    assert value == carried(value, *ends)
    assert [bytes, bytearray] == [type(part) for part in carried(value, *ends)]


def test_read_only_arrays_stay_read_only(ends: Ends) -> None:
    array = np.zeros(LARGE)
    array.flags.writeable = False
    first, second = (carried(array, *ends) for _ in range(2))

    assert not first.flags.writeable
    assert not second.flags.writeable


# --- no room ----------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_travels_in_line() -> None:
    with a_connection(limit=LARGE * 8) as ends:
        kept = [carried(np.full(LARGE, number, "u1"), *ends) for number in range(20)]

        assert list(range(20)) == [array[5] for array in kept]
        assert {"LeasedMemory", "bytearray"} == {type(array.base).__name__ for array in kept}
        assert zone_of(ends[0]).taken_bytes <= LARGE * 8
        del kept


def test_without_memory_for_it_a_buffer_travels_in_line_and_its_block_is_cold(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    array = carried(np.ones(LARGE, "u1"), *ends)
    monkeypatch.undo()
    other = carried(np.ones(LARGE, "u1"), *ends)

    assert "bytearray" == type(array.base).__name__
    assert (1, 1) == (array[-1], other[-1])
    assert "LeasedMemory" == type(other.base).__name__


def test_a_reference_that_is_never_sent_gives_its_block_back(ends: Ends) -> None:
    exchange = ends[0].exchange
    assert exchange is not None
    (part,) = exchange.stage(encode(np.zeros(LARGE))[1])
    place = part.offset if isinstance(part, Reference) else None
    del part

    assert (place, True) == exchange.zone.take(LARGE * 8)


def test_an_interrupted_copy_gives_its_block_back_as_a_cold_one(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = ends[0].exchange
    assert exchange is not None

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "pwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exchange.stage(encode(np.zeros(LARGE))[1])

    taken = exchange.zone.take(LARGE * 8)
    assert taken is not None
    assert not taken[1]


def test_a_write_that_the_system_cuts_short_goes_on(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, place: write(file, data[:30_000], place))

    np.testing.assert_array_equal(np.arange(LARGE), carried(np.arange(LARGE), *ends))


def test_idle_memory_goes_back_to_the_system() -> None:
    with a_connection(idle_limit=0) as ends:
        sender, receiver = ends
        assert sender.exchange is not None
        descriptor = sender.exchange.segment.descriptor
        array = carried(np.ones(LARGE), *ends)
        used = os.fstat(descriptor).st_blocks
        del array
        give_back(receiver, sender)

        assert used * 512 >= 8 * LARGE
        assert 0 == os.fstat(descriptor).st_blocks


def test_what_no_memory_is_there_for_fails_by_itself_and_the_next_frame_arrives(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(length: int) -> bytearray:
        if length > LARGE:
            raise MemoryError
        return bytearray(length)

    sender, _ = ends
    sender.exchange, exchange = None, sender.exchange  # so that it travels in line
    monkeypatch.setattr(arrivals, "bytearray", short, raising=False)
    frame = frame_of([b"a" * LARGE, b"b" * 300_000, b"c" * LARGE], *ends)
    monkeypatch.undo()

    with pytest.raises(DecodeError, match="there is no memory for 300,000 bytes"):
        decoded(frame)
    sender.exchange = exchange
    assert [b"d" * LARGE] == carried([b"d" * LARGE], *ends)


# --- ends -------------------------------------------------------------------------------------------------------------


def test_arrays_outlive_the_connection_and_its_memory_goes_with_the_last() -> None:
    before = open_files()
    with a_connection() as ends:
        arrays = carried([np.full(LARGE, 1), np.full(LARGE, 2)], *ends)

    assert [1, 2] == [array[-1] for array in arrays]
    del arrays, ends
    gc.collect()
    assert before == open_files()
    assert "wetlands-tests" not in Path("/proc/self/maps").read_text("ascii")


def open_files() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()}


def test_the_worker_joins_by_a_token_and_is_not_inherited_further() -> None:
    descriptor = os.memfd_create("wetlands-tests")
    os.set_inheritable(descriptor, True)
    os.ftruncate(descriptor, SIZE)
    exchange = join(f"{descriptor}:{SIZE}:100000:100:sparse")

    assert exchange is not None
    assert not os.get_inheritable(descriptor)
    assert (SIZE // 2, False) == exchange.zone.take(1)


def test_there_may_be_no_shared_memory() -> None:
    assert join("-") is None


def test_memory_that_cannot_be_mapped_is_as_good_as_none() -> None:
    descriptor = os.memfd_create("wetlands-tests")

    assert join(f"{descriptor}:{SIZE}:100000:100:sparse") is None  # the file is shorter
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_segment_without_addresses_closes_its_file() -> None:
    descriptor = os.memfd_create("wetlands-tests")
    with pytest.raises(ValueError, match="mmap"):
        Segment(descriptor, SIZE)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def announced(place: int, length: int) -> bytes:
    """A frame with one buffer in shared memory."""
    header = struct.pack("<BBHIQ", messages.RESULT, 0, 1, 1, 0)
    return header + struct.pack("<QQ", length | 1 << 63, place)


def test_a_place_outside_of_the_memory_breaks_the_connection(ends: Ends) -> None:
    sender, receiver = ends
    sender.socket.send(announced(SIZE - 10, 20))

    with pytest.raises(BrokenFrameError, match="was announced"):
        receiver.receive()


def test_shared_memory_that_this_side_does_not_have_breaks_the_connection() -> None:
    ours, theirs = map(Connection, socket.socketpair())
    ours.socket.send(announced(0, 20))

    with pytest.raises(BrokenFrameError, match="was announced"):
        theirs.receive()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("places", [b"1234567", b"12345678"])
def test_leases_that_nobody_lent_break_the_connection_or_are_ignored(ends: Ends, places: bytes) -> None:
    sender, receiver = ends
    sender.send(messages.RETURNED, 0, places)
    sender.send(messages.RESULT, 5)

    if len(places) % 8:
        with pytest.raises(BrokenFrameError, match="7 bytes of leases"):
            receiver.receive()
    else:
        frame = receiver.receive()
        assert frame is not None
        assert 5 == frame[1]
