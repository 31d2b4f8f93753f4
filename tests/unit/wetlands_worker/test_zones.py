"""Which block is handed out, which keep their memory, and how much that may be."""

from __future__ import annotations

import pytest

from wetlands_worker.zones import GRAIN, Zone, class_of

BLOCK = GRAIN


class Discarded(list[tuple[int, int]]):
    """What was given back to the system."""

    def __call__(self, offset: int, length: int) -> None:
        self.append((offset, length))


def a_zone(
    *, start: int = 0, end: int = 1 << 40, limit: int = 1 << 40, idle_limit: int = 1 << 40
) -> tuple[Zone, Discarded]:
    discarded = Discarded()
    return Zone(start, end, limit=limit, idle_limit=idle_limit, discard=discarded), discarded


def taken(zone: Zone, size: int) -> tuple[int, bool]:
    block = zone.take(size)
    assert block is not None
    return block


@pytest.mark.parametrize("size", [1, GRAIN - 1, GRAIN, GRAIN + 1, 1_000_000, 100_000_000, (1 << 30) + 1])
def test_a_class_holds_its_size_and_wastes_a_quarter_at_most(size: int) -> None:
    length = class_of(size)

    assert size <= length <= max(GRAIN + size, size * 1.25)
    assert 0 == length % GRAIN
    assert length == class_of(length)


def test_there_are_four_classes_for_each_power_of_two() -> None:
    assert 4 == len({class_of(size) for size in range((1 << 24) + 1, (1 << 25) + 1, 4096)})


def test_a_fresh_block_is_cold_and_one_that_came_back_is_warm() -> None:
    zone, _ = a_zone()
    first, warm = taken(zone, BLOCK)
    zone.give_back(first)

    assert not warm
    assert (first, True) == zone.take(BLOCK)


def test_the_block_that_came_back_last_is_used_first() -> None:
    zone, _ = a_zone()
    blocks = [taken(zone, BLOCK)[0] for _ in range(3)]
    for block in blocks:
        zone.give_back(block)

    assert [(block, True) for block in reversed(blocks)] == [zone.take(BLOCK) for _ in blocks]


def test_more_than_may_be_lent_is_refused_until_something_comes_back() -> None:
    zone, _ = a_zone(limit=2 * BLOCK)
    first, _ = taken(zone, BLOCK)
    taken(zone, BLOCK)

    assert zone.take(BLOCK) is None
    zone.give_back(first)
    assert (first, True) == zone.take(BLOCK)


def test_idle_blocks_make_room_for_one_of_another_class() -> None:
    zone, discarded = a_zone(limit=2 * BLOCK)
    first, second = (taken(zone, BLOCK)[0] for _ in range(2))
    zone.give_back(first)
    zone.give_back(second)

    assert zone.take(2 * BLOCK) is not None
    assert [(first, BLOCK), (second, BLOCK)] == discarded
    assert (0, 2 * BLOCK) == (zone.idle_bytes, zone.taken_bytes)


def test_what_is_idle_beyond_the_bound_goes_back_to_the_system_the_oldest_first() -> None:
    zone, discarded = a_zone(idle_limit=2 * BLOCK)
    blocks = [taken(zone, BLOCK)[0] for _ in range(4)]
    for block in blocks:
        zone.give_back(block)

    assert [(block, BLOCK) for block in blocks[:2]] == discarded
    assert 2 * BLOCK == zone.idle_bytes


def test_the_addresses_of_discarded_blocks_are_used_again_as_cold_ones() -> None:
    zone, _ = a_zone(end=BLOCK, idle_limit=0)
    first, _ = taken(zone, BLOCK)
    zone.give_back(first)

    assert (first, False) == zone.take(BLOCK)


def test_a_block_that_nobody_wanted_for_long_is_discarded() -> None:
    zone, discarded = a_zone()
    old, _ = taken(zone, 10 * BLOCK)
    zone.give_back(old)
    for _ in range(257):
        zone.give_back(taken(zone, BLOCK)[0])

    assert [(old, 10 * BLOCK)] == discarded


def test_addresses_end() -> None:
    zone, _ = a_zone(start=BLOCK, end=2 * BLOCK)

    assert (BLOCK, False) == zone.take(BLOCK)
    assert zone.take(BLOCK) is None


def test_a_block_that_comes_back_twice_is_there_once() -> None:
    zone, _ = a_zone()
    block, _ = taken(zone, BLOCK)
    zone.give_back(block)
    zone.give_back(block)
    zone.give_back(12345)

    assert BLOCK == zone.idle_bytes
    assert block == taken(zone, BLOCK)[0]
    assert block != taken(zone, BLOCK)[0]


@pytest.mark.parametrize("warm", [True, False])
def test_an_abandoned_block_is_taken_up_with_the_next_and_is_cold_unless_it_was_written(warm: bool) -> None:
    zone, discarded = a_zone(end=BLOCK)
    block, _ = taken(zone, BLOCK)
    zone.abandoned.append((block, warm))

    first = zone.take(BLOCK)
    again = first or zone.take(BLOCK)

    assert (block, warm) == again
    assert ([] if warm else [(block, BLOCK)]) == discarded


def test_a_block_that_was_filled_in_part_is_warm_for_no_more_than_that() -> None:
    zone, _ = a_zone()
    offset, warm = taken(zone, BLOCK - 1000)
    zone.give_back(offset)

    assert (False, BLOCK) == (warm, class_of(BLOCK - 1000))
    assert (offset, True) == zone.take(BLOCK - 2000)
    zone.give_back(offset)
    assert (offset, False) == zone.take(BLOCK), "its last page may have no memory"
    zone.give_back(offset)
    assert (offset, True) == zone.take(BLOCK)


def test_where_no_memory_is_taken_back_idle_blocks_are_joined_to_a_longer_one() -> None:
    zone = Zone(0, 4 * BLOCK, limit=4 * BLOCK, idle_limit=4 * BLOCK, discard=None)
    blocks = [taken(zone, BLOCK)[0] for _ in range(4)]
    for block in blocks:
        zone.give_back(block)

    assert (0, False) == zone.take(3 * BLOCK)
    assert (3 * BLOCK, True) == zone.take(BLOCK)
    assert zone.take(BLOCK) is None


def test_what_is_in_use_keeps_them_apart() -> None:
    zone = Zone(0, 4 * BLOCK, limit=4 * BLOCK, idle_limit=4 * BLOCK, discard=None)
    blocks = [taken(zone, BLOCK)[0] for _ in range(4)]
    for block in blocks[::2]:
        zone.give_back(block)

    assert zone.take(2 * BLOCK) is None
    zone.give_back(blocks[1])
    assert (0, False) == zone.take(2 * BLOCK)


# --- how much may be in use -------------------------------------------------------------------------------------------


def test_a_block_beyond_what_is_allowed_is_had_when_more_is_allowed() -> None:
    zone, _ = a_zone()
    zone.allowance = BLOCK
    taken(zone, BLOCK)

    assert zone.take(2 * BLOCK) is None
    assert 2 * BLOCK == zone.lacks(2 * BLOCK)
    zone.allow(2 * BLOCK)
    assert zone.take(2 * BLOCK) is not None
    assert 0 == zone.spare(BLOCK)


def test_more_than_there_may_ever_be_needs_no_asking() -> None:
    zone, _ = a_zone(limit=4 * BLOCK)
    zone.allowance = BLOCK

    assert (0, 2 * BLOCK) == (zone.lacks(5 * BLOCK), zone.lacks(3 * BLOCK))


def test_what_is_not_in_use_any_more_is_spared_but_for_a_share() -> None:
    zone, _ = a_zone()
    zone.allowance = 20 * BLOCK
    block, _ = taken(zone, 8 * BLOCK)

    assert 10 * BLOCK == zone.spare(2 * BLOCK)
    assert 10 * BLOCK == zone.allowance
    zone.give_back(block)
    assert (0, 8 * BLOCK) == (zone.spare(6 * BLOCK), zone.spare(2 * BLOCK))
    assert 2 * BLOCK == zone.allowance


def test_what_is_idle_does_not_count_as_in_use() -> None:
    zone, discarded = a_zone(limit=100 * BLOCK)
    zone.allowance = 2 * BLOCK
    for size in (1, 2):
        zone.give_back(taken(zone, size * BLOCK)[0])

    assert 3 * BLOCK == zone.idle_bytes
    assert [] == discarded


def test_a_zone_that_is_cooled_keeps_the_blocks_that_came_last() -> None:
    zone, discarded = a_zone()
    blocks = [taken(zone, BLOCK)[0] for _ in range(3)]
    for block in blocks:
        zone.give_back(block)
    zone.cool(BLOCK)

    assert [(block, BLOCK) for block in blocks[:2]] == discarded
    zone.cool()
    assert 0 == zone.idle_bytes
