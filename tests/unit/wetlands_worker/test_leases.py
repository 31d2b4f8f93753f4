"""A block comes back when nobody refers to its array any more, from wherever that ends."""

from __future__ import annotations

import gc
import threading
from socket import MSG_DONTWAIT
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exchanges import a_connection, carried, frame_of, give_back, zone_of
from wetlands_worker import messages
from wetlands_worker.frames import DONTWAIT, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 100_000


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    with a_connection() as both:
        yield both


Ends = tuple[Connection, Connection]


def test_a_block_comes_back_with_the_next_frame_when_its_array_ends(ends: Ends) -> None:
    sender, receiver = ends
    arrived = carried(np.zeros(LARGE), *ends)
    give_back(receiver, sender)
    held = zone_of(sender).taken_bytes
    del arrived
    give_back(receiver, sender)

    assert held >= 8 * LARGE
    assert 0 == zone_of(sender).taken_bytes


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array[5:10],
        lambda array: array.T,
        memoryview,
        lambda array: memoryview(array)[3:4],
        lambda array: np.frombuffer(array, "u1"),
        lambda array: np.asarray(memoryview(array)),
        lambda array: array.view("u1").reshape(8, -1),
        lambda array: array.base,
        lambda array: array.base[3:],
        lambda array: memoryview(array.base)[7:].cast("b"),
    ],
)
def test_whatever_refers_to_the_memory_keeps_the_block(ends: Ends, view: object) -> None:
    sender, receiver = ends
    kept = view(carried(np.zeros(LARGE), *ends))  # type: ignore[operator]
    gc.collect()
    give_back(receiver, sender)
    assert zone_of(sender).taken_bytes

    del kept
    gc.collect()
    give_back(receiver, sender)
    assert 0 == zone_of(sender).taken_bytes


def test_each_array_of_a_value_comes_back_by_itself(ends: Ends) -> None:
    sender, receiver = ends
    first, second = carried([np.zeros(LARGE), np.zeros(LARGE)], *ends)
    both = zone_of(sender).taken_bytes
    del first
    give_back(receiver, sender)

    assert both == 2 * zone_of(sender).taken_bytes
    assert 0 == second[0]


def test_a_value_that_is_never_decoded_comes_back(ends: Ends) -> None:
    sender, receiver = ends
    frame_of(np.zeros(LARGE), *ends)
    give_back(receiver, sender)

    assert 0 == zone_of(sender).taken_bytes


def test_the_same_memory_is_used_again_and_again(ends: Ends) -> None:
    sender, receiver = ends
    addresses = set()
    for number in range(50):
        arrived = carried(np.full(LARGE, number), *ends)
        assert number == arrived[-1]
        addresses.add(arrived.__array_interface__["data"][0])
        del arrived
        give_back(receiver, sender)

    assert 1 == len(addresses)


def test_ten_thousand_leases_come_back_in_several_frames(ends: Ends) -> None:
    sender, receiver = ends
    exchange = receiver.exchange
    assert exchange is not None
    exchange.returned.extend(range(10_000))
    for _ in range(3):
        give_back(receiver, sender)

    assert not exchange.returned


def test_a_lease_may_end_while_any_lock_is_held(ends: Ends) -> None:
    sender, receiver = ends
    array = carried(np.zeros(LARGE), *ends)
    assert receiver.exchange is not None
    with zone_of(sender)._lock, zone_of(receiver)._lock, receiver._lock, sender._lock:
        ended = threading.Thread(target=lambda held: held.clear(), args=([array],))
        del array
        ended.start()
        ended.join(20)
        assert not ended.is_alive()

    give_back(receiver, sender)
    assert 0 == zone_of(sender).taken_bytes


def test_much_memory_that_ends_asks_to_be_given_back_at_once(ends: Ends) -> None:
    _, receiver = ends
    prompted: list[str] = []
    assert receiver.exchange is not None
    receiver.exchange.prompt = lambda: prompted.append("prompted")
    small, large = carried([np.zeros(LARGE), np.zeros(2 << 20)], *ends)
    del small
    few = list(prompted)
    del large

    assert [] == few
    assert ["prompted"] == prompted


def test_leases_are_given_back_without_waiting(ends: Ends) -> None:
    sender, receiver = ends
    del [carried(np.zeros(LARGE), *ends)][:]
    receiver.give_back()
    sender.send(messages.RESULT, 1)
    receiver.send(messages.RESULT, 2)

    assert receiver.exchange is not None
    assert not receiver.exchange.returned
    frame = sender.receive()
    assert frame is not None
    assert 2 == frame[1]
    assert 0 == zone_of(sender).taken_bytes


def test_what_cannot_be_given_back_now_is_kept_for_later(ends: Ends) -> None:
    _, receiver = ends
    del [carried([np.zeros(LARGE), np.zeros(LARGE)], *ends)][:]
    assert receiver.exchange is not None
    before = list(receiver.exchange.returned)
    with receiver._lock:
        receiver.give_back()

    assert sorted(before) == sorted(receiver.exchange.returned)
    assert 2 == len(before)


def test_a_full_connection_keeps_the_leases_for_later(ends: Ends) -> None:
    _, receiver = ends
    del [carried([np.zeros(LARGE), np.zeros(LARGE)], *ends)][:]
    while receiver.offer(messages.UPDATE, 1, bytes(5_000)):
        pass
    receiver.give_back()

    assert receiver.exchange is not None
    assert 2 == len(receiver.exchange.returned)
    assert MSG_DONTWAIT == DONTWAIT


def test_giving_back_to_nobody_is_no_error(ends: Ends) -> None:
    sender, receiver = ends
    del [carried(np.zeros(LARGE), *ends)][:]
    sender.abort()
    receiver.give_back()
