"""Answers that nobody has read are kept, for a while; those that were read are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands_worker import messages
from wetlands_worker.undelivered import Answer, Undelivered

if TYPE_CHECKING:
    import pytest

HEAD = messages.pack_target("module", "function")


def answer(number: int, *parts: memoryview) -> Answer:
    return Answer(f"session-{number}", HEAD, messages.CALL, messages.RESULT, b"body", parts)


def ids(kept: Undelivered) -> list[str]:
    return [found.task_id for found in kept.kept()]


def test_an_answer_after_which_the_program_sent_something_was_read() -> None:
    kept = Undelivered(10)
    kept.answering(1, answer(1))
    kept.read()
    kept.answering(2, answer(2))
    kept.hung_up(None)

    assert ["session-2"] == ids(kept)


def test_the_program_says_up_to_which_answer_it_has_read() -> None:
    kept = Undelivered(10)
    for number in (1, 2, 3):
        kept.answering(number, answer(number))
    kept.read(7)  # the call of that number was answered before
    kept.read(2)
    kept.hung_up(None)

    assert ["session-3"] == ids(kept)


def test_a_batch_is_read_as_a_whole_and_is_no_answer_itself() -> None:
    kept = Undelivered(10)
    kept.answering(1, answer(1))
    kept.answering(2, answer(2))
    kept.answering(9, None)
    kept.read(9)
    kept.answering(3, answer(3))
    kept.answering(10, None)
    kept.hung_up(None)

    assert ["session-3"] == ids(kept)


def test_several_answers_to_one_frame_are_kept_in_their_order() -> None:
    kept = Undelivered(10)
    for number in (1, 2, 3):
        kept.answering(number, answer(number))
    kept.hung_up(None)

    assert ["session-1", "session-2", "session-3"] == ids(kept)


def test_what_was_delivered_is_not_kept_and_the_others_are() -> None:
    kept = Undelivered(10)
    kept.answering(1, answer(1))
    kept.hung_up(None)
    first = kept.kept()
    kept.answering(2, answer(2))
    kept.hung_up(None)
    kept.delivered(first)

    assert ["session-2"] == ids(kept)


def test_it_is_kept_for_as_long_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("wetlands_worker.undelivered.time.monotonic", lambda: now)
    kept = Undelivered(10)
    kept.answering(1, answer(1))
    kept.hung_up(None)
    now = 109.0
    assert [("session-1", HEAD, 1.0)] == kept.plain()
    now = 111.0

    assert [] == ids(kept)


def test_the_memory_of_the_user_may_change_afterwards() -> None:
    array = bytearray(b"before")
    kept = Undelivered(10)
    kept.answering(1, answer(1, memoryview(array)))
    kept.hung_up(None)
    array[:] = b"after!"

    assert [b"before"] == [bytes(part) for found in kept.kept() for part in found.parts]  # type: ignore[arg-type]  # they are memoryviews by then


def test_what_was_reported_to_nobody_belongs_to_the_last_answer_alone() -> None:
    kept = Undelivered(10)
    kept.progress("begun", 1, 10)
    kept.progress(None, 2, None)
    kept.output("key", (b"first", []))
    kept.output("key", (b"second", [memoryview(b"part")]))
    kept.answering(1, answer(1))
    kept.hung_up(None)
    kept.answering(2, answer(2))
    kept.hung_up(None)

    first, second = kept.kept()
    assert ("begun", 2, 10) == first.progress
    assert [(b"second", [b"part"])] == [(body, [bytes(part) for part in parts]) for body, parts in first.outputs]  # type: ignore[arg-type]  # memoryviews
    assert ((None, None, None), []) == (second.progress, second.outputs)
