"""The date after which what was published is not seen, or how old it must be: read once, for every tool alike."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

from wetlands._spec.checks import check_text, kind, quoted
from wetlands.exceptions import InvalidDependencyError

__all__ = ["Cutoff", "newest_allowed", "parse_cutoff"]

Cutoff = datetime | date | timedelta | str
"""A moment, a day (it counts whole, in UTC), or an age; as text ``"2026-01-31"``, RFC 3339, ``"7d"``, ``"P7D"``."""

_WHERE = '"exclude_newer"'
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(
    r"(\d{1,6})\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)(?:\s+ago)?", re.IGNORECASE
)
_ISO_AGE = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_cutoff(value: Cutoff | None, where: str = _WHERE) -> str:
    """Turn a limit into the one text that is stored and compared; empty for None.

    An age stays an age, so that the same recipe is the same tomorrow.

    Args:
        value: What the user wrote.
        where: Where he wrote it, to begin an error with.

    Raises:
        InvalidDependencyError: It is none; the message says how one is written.
    """
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return _age(value, where)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    text = check_text(value, where)
    if age := _age_in(text):
        return _age(age, where)
    return _moment(_read_moment(text, where)) if not _DAY.fullmatch(text) else _read_day(text, where).isoformat()


def newest_allowed(text: str, *, now: datetime | None = None) -> datetime | None:
    """Return the moment that a stored limit means, None for no limit.

    Args:
        text: What `parse_cutoff` returned.
        now: What an age is counted from, by default now.

    Raises:
        InvalidDependencyError: It is something else.
    """
    if not text:
        return None
    if age := _age_in(text):
        return (now or datetime.now(timezone.utc)) - age
    if _DAY.fullmatch(text):
        following = _read_day(text, _WHERE) + timedelta(days=1)
        return datetime.combine(following, time(), timezone.utc)
    return _read_moment(text, _WHERE)


def _age(age: timedelta, where: str) -> str:
    seconds = int(age.total_seconds())
    if seconds <= 0:
        raise InvalidDependencyError(f"{where}: an age must be longer than nothing, and not {age}.")
    days, rest = divmod(seconds, 86400)
    return f"P{days}D" if not rest else f"PT{seconds}S"


def _age_in(text: str) -> timedelta | None:
    if match := _AGE.fullmatch(text):
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2][0].lower()])
    match = _ISO_AGE.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _unreadable(text, where) from error


def _read_moment(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError as error:
        raise _unreadable(text, where) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _unreadable(text: object, where: str) -> InvalidDependencyError:
    shown = quoted(text) if isinstance(text, str) else kind(text)
    return InvalidDependencyError(
        f'{where}: {shown} is no date and no age. Write a day ("2026-01-31"), a moment ("2026-01-31T12:00:00Z"), '
        'or an age ("7d", "36 hours", timedelta(days=7)).'
    )
