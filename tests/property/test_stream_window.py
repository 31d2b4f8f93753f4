"""Laws of a stream's credits: no item is lost, order is kept, and never more than the window is made and not taken."""

from __future__ import annotations

import threading
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pools import DEADLINE
from wetlands._tasks.inbox import Empty, Inbox
from wetlands._tasks.window import Window
from wetlands_worker.handle import RemoteTaskHandle
from wetlands_worker.streaming import Credits

windows = st.integers(1, 9)


class WindowMachine(RuleBasedStateMachine):
    """A producer with credits, a consumer, and grants that travel for as long as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.waited = 0.0
        self.size = 3
        self.window = Window(self.size)
        self.credits = self.size
        self.made = self.on_the_way = self.taken = 0
        self.grants: list[int] = []

    @rule(seconds=st.integers(0, 5))
    def time_passes(self, seconds: int) -> None:
        if self.window.paused:
            self.waited += seconds
        self.now += seconds

    @precondition(lambda self: self.credits)
    @rule()
    def an_item_is_made(self) -> None:
        self.credits -= 1
        self.made += 1
        self.on_the_way += 1

    @precondition(lambda self: self.on_the_way)
    @rule()
    def an_item_arrives(self) -> None:
        self.on_the_way -= 1
        self.window.received(self.now)

    @precondition(lambda self: self.made - self.on_the_way > self.taken)
    @rule()
    def an_item_is_taken(self) -> None:
        self.taken += 1
        more = self.window.taken(self.now)
        if more:
            self.grants.append(more)

    @precondition(lambda self: self.grants)
    @rule()
    def a_grant_arrives(self) -> None:
        self.credits += self.grants.pop(0)

    @invariant()
    def never_more_than_the_window_is_made_and_not_taken(self) -> None:
        assert self.made + self.credits + sum(self.grants) - self.taken <= self.size

    @invariant()
    def nobody_waits_for_the_other(self) -> None:
        assert self.credits or self.grants or self.on_the_way or self.made > self.taken

    @invariant()
    def it_is_paused_when_all_credits_are_spent_as_far_as_is_known_here(self) -> None:
        known = self.credits + sum(self.grants) + self.on_the_way
        assert (known == 0) == self.window.paused

    @invariant()
    def the_time_of_waiting_is_that_between_spending_and_granting(self) -> None:
        assert self.waited == self.window.paused_seconds(self.now)


TestWindow = WindowMachine.TestCase


@given(windows, st.integers(0, 60))
def test_between_two_threads_every_item_arrives_once_and_in_order(size: int, count: int) -> None:
    inbox: Inbox[int] = Inbox(size)
    credits_ = Credits(1, size)
    inbox.grant = credits_.grant
    handle = RemoteTaskHandle(1, cast("object", None))  # type: ignore[arg-type]  # it reports nothing
    ahead: list[int] = []
    taken = 0

    def produce() -> None:
        for item in range(count):
            assert credits_.take(handle)
            ahead.append(item + 1 - taken)
            inbox.put(item)
        inbox.end()

    producer = threading.Thread(target=produce)
    producer.start()
    seen = []
    while (item := inbox.take()) is not Empty.ENDED:
        taken += 1
        seen.append(item)
    producer.join(DEADLINE)

    assert list(range(count)) == seen
    assert max(ahead, default=0) <= size + 1  # the item that is being handed over is not counted yet


@given(windows, st.integers(0, 5))
def test_what_comes_after_a_close_is_dropped(size: int, before: int) -> None:
    inbox: Inbox[int] = Inbox(size)
    for item in range(min(before, size)):
        inbox.put(item)
    inbox.close()
    inbox.put(99)

    assert Empty.ENDED is inbox.take()


@given(windows)
def test_an_empty_inbox_says_so_and_calls_back_once(size: int) -> None:
    inbox: Inbox[int] = Inbox(size)
    called: list[object] = []
    inbox.when_ready(called.append)
    assert Empty.YET is inbox.take(wait=False)
    assert [] == called

    inbox.put(1)
    inbox.put(2) if size > 1 else None
    inbox.end()

    assert [None] == called
    inbox.when_ready(called.append)
    assert [None, None] == called
