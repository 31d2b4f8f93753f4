"""What all pairs keep warm together is bounded; those that were used longest ago give theirs back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wetlands._launch.warmth import Pair, Warmth
from wetlands_worker import messages
from wetlands_worker.zones import GRAIN, Zone

if TYPE_CHECKING:
    from wetlands_worker.exchange import Exchange
    from wetlands_worker.frames import Connection

LIMIT = 40 * GRAIN  # so a quarter is ten


class FakeSide:
    """Our side of a pair, and the control connection of the worker."""

    def __init__(self) -> None:
        self.zone = Zone(0, 1 << 40, limit=LIMIT, idle_limit=5 * GRAIN, discard=lambda _offset, _length: None)
        self.told: list[int] = []
        self.takes = True

    def offer(self, kind: int, _number: int, _body: bytes) -> bool:
        if self.takes:
            self.told.append(kind)
        return self.takes

    def warm(self, blocks: int) -> None:
        taken = self.zone.take(blocks * GRAIN)
        assert taken is not None
        self.zone.give_back(taken[0])


def a_pair(books: Warmth) -> tuple[Pair, FakeSide]:
    side = FakeSide()
    return Pair(cast("Exchange", side), cast("Connection", side), books), side


def lends(pair: Pair, *blocks: int) -> None:
    """The worker lends blocks, and gets them back."""
    for count in blocks:
        pair.came(count * GRAIN)
    pair.ended.extend(count * GRAIN for count in blocks)
    pair.settle()


def test_both_sides_count() -> None:
    books = Warmth(lambda: LIMIT)
    pair, side = a_pair(books)
    side.warm(2)
    lends(pair, 3)

    assert 5 * GRAIN == pair.kept() == books.total()


def test_a_block_that_is_used_again_is_not_counted_twice() -> None:
    pair, _ = a_pair(Warmth(lambda: LIMIT))
    lends(pair, 3)
    pair.came(3 * GRAIN)

    assert 0 == pair.kept()
    pair.ended.append(3 * GRAIN)
    pair.settle()
    assert 3 * GRAIN == pair.kept()
    lends(pair, 3)
    assert 3 * GRAIN == pair.kept()


def test_a_worker_keeps_no_more_than_its_zone_may() -> None:
    pair, _ = a_pair(Warmth(lambda: LIMIT))
    lends(pair, 4, 4)

    assert 5 * GRAIN == pair.kept()


def test_those_that_were_used_longest_ago_are_cooled_until_the_rest_fits() -> None:
    books = Warmth(lambda: LIMIT)
    pairs = [a_pair(books) for _ in range(4)]
    for pair, side in pairs[:3]:
        side.warm(1)
        lends(pair, 2)
    lends(pairs[0][0], 2)  # so it is the last to be used
    pairs[3][1].warm(4)
    lends(pairs[3][0], 1)

    assert [[], [messages.COOL], [messages.COOL], []] == [side.told for _, side in pairs]
    assert (0, 0) == (pairs[1][0].kept(), pairs[1][1].zone.idle_bytes)
    assert 8 * GRAIN == books.total()


def test_who_was_used_last_keeps_what_it_has() -> None:
    books = Warmth(lambda: LIMIT)
    first, first_side = a_pair(books)
    second, second_side = a_pair(books)
    for pair, side in ((first, first_side), (second, second_side)):
        side.warm(5)
        lends(pair, 5)

    assert [messages.COOL] == first_side.told
    assert [] == second_side.told
    assert 10 * GRAIN == books.total() == second.kept()


def test_a_worker_that_takes_no_message_still_counts() -> None:
    books = Warmth(lambda: LIMIT)
    first, first_side = a_pair(books)
    second, _ = a_pair(books)
    first_side.takes = False
    lends(first, 4)
    lends(second, 5)
    first_side.warm(4)
    lends(first, 4)
    lends(second, 4)

    assert 4 * GRAIN == first.kept()
    first_side.takes = True
    lends(second, 5, 5)
    assert books.total() <= 10 * GRAIN


def test_what_has_ended_keeps_nothing() -> None:
    books = Warmth(lambda: LIMIT)
    pair, _ = a_pair(books)
    lends(pair, 2)
    pair.leave()
    lends(pair, 3)  # a thread that was about to say so

    assert 0 == books.total()
    assert {} == books._kept, "it would keep the memory mapped"
