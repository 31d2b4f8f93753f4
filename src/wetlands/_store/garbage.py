"""Decides which environments are garbage: nothing is looked at or removed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

from wetlands._store.sizes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from wetlands._store.sizes import Size

__all__ = ["Candidate", "Cleanup", "CleanupItem", "Limits", "limits", "verdicts"]


@dataclass(frozen=True)
class CleanupItem:
    """One thing that takes space: an environment, or what a build or a deletion left behind.

    Attributes:
        name: The environment; of debris whose environment is gone, the name of its folder.
        reason: Why it is removed, or why it stays.
        size: Its bytes; a file with several names in it counts once.
        freed: The bytes that its removal gives back: those of files that no other environment and no cache shares.
        last_used: When workers of it last started or ended, or a program last opened it; None for debris.
    """

    name: str
    reason: str
    size: int
    freed: int
    last_used: datetime | None = None


@dataclass(frozen=True)
class Cleanup:
    """What `EnvironmentManager.collect` removed, or would remove, and what it left.

    Attributes:
        dry_run: Whether nothing was removed yet.
        removed: The garbage.
        kept: The environments that stay, each with its reason, those used last at the end.
    """

    dry_run: bool
    removed: tuple[CleanupItem, ...] = ()
    kept: tuple[CleanupItem, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all that is removed."""
        return sum(item.size for item in self.removed)

    @property
    def freed(self) -> int:
        """The bytes that removing it gives back; at least, for files that only removed things share count in none."""
        return sum(item.freed for item in self.removed)


@dataclass(frozen=True)
class Limits:
    """What may stay.

    Attributes:
        max_age: The longest time since the last use; None for any.
        max_size: The most bytes that all environments may take; None for any.
        keep: Says of a name whether that environment stays in any case.
    """

    max_age: timedelta | None = None
    max_size: int | None = None
    keep: Callable[[str], bool] = field(default=lambda _name: False)


@dataclass(frozen=True)
class Candidate:
    """An environment, as far as it matters here.

    Attributes:
        name: Its name.
        last_used: When it was last used, in UTC.
        size: How large it is.
        obstacle: Why it must not be removed; empty when it may.
    """

    name: str
    last_used: datetime
    size: Size = NOTHING
    obstacle: str = ""


def limits(*, max_age: object, max_size: object, keep: Iterable[str] | Callable[[str], bool]) -> Limits:
    """Check what a caller set.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is negative.
    """
    if max_age is not None and not isinstance(max_age, timedelta):
        raise TypeError(f"max_age is a datetime.timedelta, such as timedelta(days=30), not {max_age!r}")
    if max_size is not None and type(max_size) is not int:
        raise TypeError(f"max_size is a whole number of bytes, not {max_size!r}")
    if (max_age is not None and max_age < timedelta(0)) or (max_size is not None and max_size < 0):
        raise ValueError("max_age and max_size are not negative")
    if isinstance(keep, str):
        raise TypeError(f"keep is a collection of names or a function, not the text {keep!r}; write [{keep!r}]")
    return Limits(max_age, max_size, keep if callable(keep) else frozenset(keep).__contains__)


def verdicts(candidates: Sequence[Candidate], wanted: Limits, now: datetime) -> Mapping[str, str]:
    """Say of which environments the time has come.

    Too old ones go first, then those used longest ago until the rest fits. What must stay counts for the size too.

    Returns:
        A reason for each name that is to be removed.
    """
    found: dict[str, str] = {}
    removable = sorted(
        (one for one in candidates if not one.obstacle and not wanted.keep(one.name)),
        key=lambda one: (one.last_used, one.name),
    )
    for one in removable:
        if wanted.max_age is not None and now - one.last_used > wanted.max_age:
            found[one.name] = f"not used since {_day(one.last_used)}"
    left = sum(one.size.total for one in candidates if one.name not in found)
    for one in removable:
        if wanted.max_size is None or left <= wanted.max_size:
            break
        if one.name not in found:
            found[one.name] = (
                f"used longest ago ({_day(one.last_used)}), and all take more than {wanted.max_size} bytes"
            )
            left -= one.size.total
    return found


def _day(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d")
