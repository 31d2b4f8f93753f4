from __future__ import annotations

import pytest

from wetlands._platform.system import sleeps_exactly
from wetlands._pool import batch
from wetlands._pool.batch import Pace


def a_pace(seconds: float) -> Pace:
    pace = Pace()
    pace.measured(100 * seconds, 100)
    return pace


def test_nothing_is_known_of_the_first_call() -> None:
    assert (1, 0.0) == (Pace().size(), Pace().lull(1_000))


def test_short_calls_go_together_and_long_ones_alone() -> None:
    assert [128, 100, 1, 1] == [a_pace(seconds).size() for seconds in (1e-6, 2e-5, 0.002, 5.0)]


def test_a_worker_with_much_before_it_is_left_alone_for_a_part_of_it_and_never_for_long() -> None:
    assert pytest.approx([0.0, 0.0, 1e-4, 5e-4]) == [a_pace(2e-5).lull(calls) for calls in (0, 9, 10, 100)]
    assert 5e-4 == a_pace(60.0).lull(1)


def test_where_a_short_sleep_may_be_a_long_one_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_SLEEPS_EXACTLY", False)
    assert 0.0 == a_pace(2e-5).lull(100)


def test_only_old_pythons_on_windows_sleep_too_long() -> None:
    assert not sleeps_exactly(system="windows", version=(3, 10, 14))
    assert sleeps_exactly(system="windows", version=(3, 11))
    assert sleeps_exactly(system="posix", version=(3, 10))
