"""What is remembered and what waits is bounded."""

from __future__ import annotations

import threading

from wetlands._launch.feed import Batch, Feed, History

DEADLINE = 10.0


def batch(number: int, *lines: str) -> Batch:
    return Batch(number, lines, {})


def remembered(history: History) -> list[str]:
    return [line for each in history for line in each.lines]


def test_a_history_keeps_the_last_lines() -> None:
    history = History(most_lines=3)

    for number in range(10):
        history.append(batch(number, f"{number}a", f"{number}b"))

    assert ["8b", "9a", "9b"] == remembered(history)


def test_a_history_keeps_the_end_of_a_batch_that_is_larger_than_it() -> None:
    history = History(most_lines=2)

    history.append(batch(0, *"abcdef"))

    assert ["e", "f"] == remembered(history)


def test_a_history_of_no_lines_keeps_none() -> None:
    history = History(most_lines=0)

    history.append(batch(0, "a", "b"))

    assert [] == remembered(history)


def test_a_history_of_long_lines_keeps_fewer_of_them() -> None:
    history = History(most_lines=100, most_letters=1000)

    for number in range(20):
        history.append(batch(number, str(number) * 200))

    assert 1 <= len(remembered(history)) <= 4
    assert "19" * 200 == remembered(history)[-1]


def test_a_feed_gives_what_was_put_in_its_order_and_ends() -> None:
    feed = Feed()
    for number in range(3):
        feed.put(batch(number, "x"))
    feed.close()
    feed.put(batch(3, "too late"))

    assert [0, 1, 2] == [taken.number for taken in iter(feed.take, None)]


def test_a_feed_says_none_when_the_time_is_over() -> None:
    assert Feed().take(timeout=0) is None


def test_a_full_feed_waits_for_its_receiver_and_loses_nothing() -> None:
    feed = Feed(most_letters=1, patience=DEADLINE)
    numbers: list[int] = []

    def receive() -> None:
        numbers.extend(taken.number for taken in iter(feed.take, None))

    receiver = threading.Thread(target=receive)
    receiver.start()
    for number in range(200):
        feed.put(batch(number, "line"))
    feed.close()
    receiver.join(DEADLINE)

    assert list(range(200)) == numbers
    assert 0 == feed.take_left_out()


def test_a_feed_whose_receiver_stands_still_counts_what_it_leaves_out() -> None:
    feed = Feed(most_letters=1, patience=0)

    feed.put(batch(0, "kept"))
    feed.put(batch(1, "lost", "lost"))
    feed.put(batch(2, "lost"))

    assert 3 == feed.take_left_out()
    assert 0 == feed.take_left_out()
    taken = feed.take(timeout=0)
    assert taken is not None
    assert 0 == taken.number


def test_who_waits_for_room_goes_on_when_the_feed_is_closed() -> None:
    feed = Feed(most_letters=1, patience=DEADLINE)
    feed.put(batch(0, "fills it"))
    waiting = threading.Thread(target=feed.put, args=(batch(1, "waits"),))
    waiting.start()

    feed.close(discard=True)
    waiting.join(DEADLINE)

    assert not waiting.is_alive()
    assert feed.take(timeout=0) is None
