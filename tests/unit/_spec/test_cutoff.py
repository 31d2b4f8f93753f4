from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wetlands._spec import newest_allowed, parse_cutoff
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec import Cutoff

NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "value, stored",
    [
        (None, ""),
        ("2026-01-31", "2026-01-31"),
        (date(2026, 1, 31), "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=-1))), "2026-01-31T13:00:00Z"),
        ("7d", "P7D"),
        ("1 week", "P7D"),
        ("7 days ago", "P7D"),
        ("P1W", "P7D"),
        ("36 hours", "PT129600S"),
        ("PT36H", "PT129600S"),
        (timedelta(days=7), "P7D"),
    ],
)
def test_a_limit_has_one_text_however_it_is_written(value: Cutoff | None, stored: str) -> None:
    assert stored == parse_cutoff(value)
    assert stored == parse_cutoff(stored or None)


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-01-31", datetime(2026, 2, 1, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("P7D", datetime(2026, 3, 3, 12, tzinfo=timezone.utc)),
        ("PT3600S", datetime(2026, 3, 10, 11, tzinfo=timezone.utc)),
    ],
)
def test_a_day_counts_whole_and_an_age_is_counted_from_now(text: str, moment: datetime) -> None:
    assert moment == newest_allowed(text, now=NOW)


def test_no_limit_is_no_moment() -> None:
    assert newest_allowed("") is None


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-13-01", "2026-01-31 at noon", "P", "PT", "-7d", "0d", timedelta(0)]
)
def test_what_is_no_limit_is_refused_with_how_one_is_written(value: Cutoff) -> None:
    with pytest.raises(InvalidDependencyError, match='"exclude_newer"'):
        parse_cutoff(value)
