"""A worker asks before it lends more than its share, and nobody waits for an answer that does not come."""

from __future__ import annotations

import os
import threading

import pytest

from exchanges import exchange_on
from wetlands_worker import messages, room
from wetlands_worker.room import Room, ask_for_room, share_of

MEGABYTE = 1 << 20


class FakeControl:
    """The control connection of a worker, whose host answers what the test says."""

    def __init__(self, answer: int | None) -> None:
        self.sent: list[tuple[int, int, tuple[int, ...]]] = []
        self.full = False
        self._answer = answer
        self.room: Room | None = None

    def send(self, kind: int, number: int, body: bytes) -> None:
        self._note(kind, number, body)
        if self._answer is not None and self.room is not None:
            threading.Thread(target=self.room.answered, args=(number, self._answer)).start()

    def offer(self, kind: int, number: int, body: bytes) -> bool:
        if not self.full:
            self._note(kind, number, body)
        return not self.full

    def _note(self, kind: int, number: int, body: bytes) -> None:
        amounts = tuple(int.from_bytes(body[first : first + 8], "little") for first in range(0, len(body), 8))
        self.sent.append((kind, number, amounts))


def a_room(answer: int | None) -> tuple[Room, FakeControl]:
    control = FakeControl(answer)
    control.room = Room(control, 10)  # type: ignore[arg-type]  # does what is needed
    return control.room, control


def test_it_asks_for_what_it_needs_and_wants_a_share_at_least() -> None:
    asking, control = a_room(answer=12)

    assert 12 == asking.ask(3)
    assert 12 == asking.ask(12)
    assert [(messages.ASKED, 1, (3, 10)), (messages.ASKED, 2, (12, 12))] == control.sent


def test_without_an_answer_there_is_no_room_and_a_late_one_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PATIENCE", 0.0)
    asking, control = a_room(answer=None)

    assert 0 == asking.ask(3)
    asking.answered(1, 10)
    assert (messages.GAVE, 0, (10,)) == control.sent[-1]
    asking.answered(1, 0)
    assert 2 == len(control.sent)


def test_when_the_host_has_gone_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, control = a_room(answer=None)

    def gone(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(control, "send", gone)
    monkeypatch.setattr(control, "offer", gone)
    assert 0 == asking.ask(3)
    asking.give(5)


def test_what_could_not_be_given_back_is_given_with_the_next() -> None:
    asking, control = a_room(answer=None)
    control.full = True
    asking.give(5)
    control.full = False
    asking.give(7)
    asking.give(1)

    assert [(messages.GAVE, 0, (12,)), (messages.GAVE, 0, (1,))] == control.sent


@pytest.mark.parametrize("limit, share", [(1000, 1000), (64 * MEGABYTE, MEGABYTE), (2560 * MEGABYTE, 10 * MEGABYTE)])
def test_a_share_is_a_small_part_and_a_megabyte_at_least(limit: int, share: int) -> None:
    assert share == share_of(limit)


def test_a_buffer_for_which_there_is_room_is_shared_and_another_is_not() -> None:
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, 1 << 30)
    exchange = exchange_on(descriptor, upper=True, limit=256 * MEGABYTE, size=1 << 30)
    os.close(descriptor)
    for answer in (4 * MEGABYTE, 0):
        control = FakeControl(answer)
        exchange.zone.allowance = 256 * MEGABYTE
        ask_for_room(exchange, control)  # type: ignore[arg-type]  # does what is needed
        control.room = exchange.room
        buffer = memoryview(bytes(3 * MEGABYTE))
        staged = exchange.stage([buffer])

        assert (staged[0] is buffer) == (answer == 0)
        assert [(messages.ASKED, 1, (2 * MEGABYTE, 2 * MEGABYTE))] == control.sent
        del staged


def test_what_comes_back_is_given_back_to_the_host() -> None:
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, 1 << 30)
    exchange = exchange_on(descriptor, upper=True, limit=256 * MEGABYTE, size=1 << 30)
    os.close(descriptor)
    control = FakeControl(7 * MEGABYTE)
    ask_for_room(exchange, control)  # type: ignore[arg-type]  # does what is needed
    control.room = exchange.room
    (staged,) = exchange.stage([memoryview(bytes(8 * MEGABYTE))])
    assert not isinstance(staged, memoryview)
    staged.sent = True  # type: ignore[union-attr]  # a Reference
    exchange.take_back(staged.place())  # type: ignore[union-attr]  # see above

    assert (messages.GAVE, 0, (7 * MEGABYTE,)) == control.sent[-1]
    assert MEGABYTE == exchange.zone.allowance
