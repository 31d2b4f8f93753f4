"""Free addresses are dealt out where they fit best, and neighbours that come back are one range again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wetlands_worker.addresses import Addresses


def test_the_shortest_range_that_is_long_enough_is_used() -> None:
    addresses = Addresses(0, 100)
    for length in (10, 1, 20, 1, 15, 1):
        addresses.take(length)
    for start, length in ((0, 10), (11, 20), (32, 15)):
        addresses.give(start, length)

    assert 32 == addresses.take(12)
    assert [range(10), range(11, 31), range(44, 47), range(48, 100)] == addresses.ranges()


def test_where_no_range_is_long_enough_nothing_is_given() -> None:
    addresses = Addresses(0, 10)
    assert [0, 5] == [addresses.take(5), addresses.take(4)]
    addresses.give(0, 5)

    assert addresses.take(6) is None
    assert [range(5), range(9, 10)] == addresses.ranges()


def test_a_range_is_gone_when_all_of_it_is_taken() -> None:
    addresses = Addresses(5, 10)

    assert 5 == addresses.take(5)
    assert addresses.take(1) is None
    assert [] == addresses.ranges()


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60), st.randoms(use_true_random=False))
def test_what_is_taken_lies_apart_and_the_rest_is_joined(steps: list[tuple[int, bool]], random: st.DataObject) -> None:
    addresses = Addresses(7, 307)
    taken: list[range] = []
    for length, give in steps:
        if give and taken:
            block = taken.pop(random.randrange(len(taken)))  # type: ignore[attr-defined]  # a random.Random
            addresses.give(block.start, len(block))
        else:
            start = addresses.take(length)
            if start is not None:
                taken.append(range(start, start + length))
            else:
                assert all(len(free) < length for free in addresses.ranges())

        everything = sorted([*taken, *addresses.ranges()], key=lambda one: one.start)
        assert list(range(7, 307)) == [address for one in everything for address in one]
        ends = [free.stop for free in addresses.ranges()]
        assert not set(ends) & {free.start for free in addresses.ranges()}, "neighbours are joined"
