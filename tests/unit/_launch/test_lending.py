"""All workers together lend no more than the limit, whoever asks first gets it, and nobody waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wetlands._launch.lending import Lending
from wetlands_worker.room import share_of
from wetlands_worker.zones import GRAIN

if TYPE_CHECKING:
    from wetlands_worker.exchange import Exchange

MEGABYTE = 1 << 20
LIMIT = 100 * MEGABYTE
SHARE = share_of(LIMIT)


class FakeExchange:
    """One side of memory, with the leases that the test says."""

    def __init__(self) -> None:
        self.leases: dict[int, tuple[int, int, int]] = {}


def an_exchange() -> Exchange:
    return cast("Exchange", FakeExchange())


def joined(books: Lending, count: int) -> list[Exchange]:
    exchanges = [an_exchange() for _ in range(count)]
    for exchange in exchanges:
        books.join(exchange)
    return exchanges


def test_who_asks_first_is_granted_all_that_is_left() -> None:
    books = Lending(lambda: LIMIT)
    first, second = joined(books, 2)

    assert 60 * MEGABYTE == books.ask(first, 60 * MEGABYTE, 60 * MEGABYTE)
    assert 0 == books.ask(second, 60 * MEGABYTE, 60 * MEGABYTE)
    assert 38 * MEGABYTE == books.ask(second, 38 * MEGABYTE, 60 * MEGABYTE), "what it needs, if not what it wants"
    assert LIMIT == books.total()


def test_what_a_worker_needs_no_more_is_there_for_others() -> None:
    books = Lending(lambda: LIMIT)
    first, second = joined(books, 2)
    books.ask(first, 90 * MEGABYTE, 90 * MEGABYTE)
    books.gave(first, 50 * MEGABYTE)

    assert 50 * MEGABYTE == books.ask(second, 50 * MEGABYTE, 50 * MEGABYTE)


def test_of_a_worker_that_ended_counts_what_the_program_still_has() -> None:
    books = Lending(lambda: LIMIT)
    (dead,) = joined(books, 1)
    books.ask(dead, 80 * MEGABYTE, 80 * MEGABYTE)
    dead.leases.update({1: (0, GRAIN - 5, 1), 2: (GRAIN, 8 * MEGABYTE, 1)})
    books.leave(dead)

    assert 8 * MEGABYTE + GRAIN == books.total()
    assert 0 == books.ask(dead, 1, 1)
    dead.leases.clear()
    assert 0 == books.total()


def test_an_end_that_nobody_tells_of_is_noticed() -> None:
    books = Lending(lambda: LIMIT)
    exchanges = joined(books, 3)
    assert 3 * SHARE == books.total()
    del exchanges

    assert 0 == books.total()


def test_who_is_not_known_any_more_can_give_back_what_it_likes() -> None:
    books = Lending(lambda: LIMIT)
    books.gave(an_exchange(), 5)

    assert 0 == books.total()
