"""Which waits would last for ever: pools as lists of the calls that their workers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from wetlands._pool.deadlock import Wait, stuck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.call import Call

SIZES = st.lists(st.integers(1, 3), min_size=1, max_size=3)


class FakeCall:
    """A running call."""

    def waits_for(self, thread: int) -> bool:
        return False


class FakePlace:
    """A pool whose workers all run something, or one of which is free."""

    def __init__(self, size: int, free: bool) -> None:
        self.calls = [cast("Call", FakeCall()) for _ in range(size)]
        self.free = free

    @property
    def all_running(self) -> Sequence[Call] | None:
        return None if self.free else self.calls


def a_wait(place: FakePlace, *callers: Call) -> Wait:
    return Wait(place, callers, 0, lambda: True)


def test_a_callback_that_waits_for_its_only_worker_is_stuck() -> None:
    pool = FakePlace(1, free=False)
    wait = a_wait(pool, pool.calls[0])

    assert [wait] == stuck([wait])


def test_whoever_waits_for_a_worker_that_nobody_holds_up_is_not() -> None:
    pool = FakePlace(2, free=False)

    assert [] == stuck([a_wait(pool, pool.calls[0])])
    assert [] == stuck([a_wait(pool)])


def test_a_free_worker_helps_all() -> None:
    pool = FakePlace(1, free=True)

    assert [] == stuck([a_wait(pool, pool.calls[0])])


def test_a_circle_through_two_pools_is_stuck_and_so_is_who_waits_behind_it() -> None:
    one, two = FakePlace(1, free=False), FakePlace(1, free=False)
    circle = [a_wait(two, one.calls[0]), a_wait(one, two.calls[0])]
    behind = a_wait(one)

    assert [*circle, behind] == stuck([*circle, behind])


def test_a_chain_through_two_pools_with_an_end_is_not_stuck() -> None:
    one, two = FakePlace(1, free=False), FakePlace(2, free=False)

    assert [] == stuck([a_wait(two, one.calls[0]), a_wait(one, two.calls[0])])


@given(SIZES, st.data())
def test_it_agrees_with_playing_it_out(sizes: list[int], data: st.DataObject) -> None:
    """Free workers take a waiting call each, which then ends, and with it whatever waited for it."""
    places = [FakePlace(size, free=data.draw(st.booleans())) for size in sizes]
    calls = [call for place in places for call in place.calls]
    waits = [
        a_wait(data.draw(st.sampled_from(places)), *data.draw(st.lists(st.sampled_from(calls), max_size=3)))
        for _ in range(data.draw(st.integers(0, 6)))
    ]

    left = list(waits)
    while True:
        held = {id(caller) for wait in left for caller in wait.callers}
        open_places = {id(place) for place in places if place.free or any(id(call) not in held for call in place.calls)}
        going = [wait for wait in left if id(wait.place) in open_places]
        if not going:
            break
        left = [wait for wait in left if wait not in going]

    assert left == stuck(waits)
