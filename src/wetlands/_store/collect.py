"""Removes environments that nobody has used for long, and what builds and deletions left behind."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wetlands._store import usage
from wetlands._store.garbage import Candidate, Cleanup, CleanupItem, verdicts
from wetlands._store.lock import builder_lock
from wetlands._store.provision import explained
from wetlands._store.remove import remove
from wetlands._store.sizes import measure
from wetlands._store.sweep import leftovers, sweep
from wetlands.exceptions import (
    EnvironmentInUseError,
    EnvironmentNotFoundError,
    ProvisioningCanceledError,
    RecordError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wetlands._backends.api import Progress
    from wetlands._store.garbage import Limits
    from wetlands._store.store import Store

__all__ = ["collect"]

_RECLAIM_SECONDS = 600.0  # a disk that needs longer goes on in the background


class _Unwilling:
    """An observer that does not wait for a lock: what is being changed right now is no garbage."""

    cancel_requested = True

    def stage(self, stage: str, message: str) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        pass

    def output(self, line: str) -> None:
        pass


def collect(store: Store, wanted: Limits, *, opened: frozenset[str], dry_run: bool) -> Cleanup:
    """Remove environments beyond the limits, and all debris of the instance.

    Never removed: what live processes use, what is being changed, and what cannot be read.

    Args:
        store: The environments.
        wanted: What may stay.
        opened: The names that this program has open, which stay.
        dry_run: Whether to say only what would be removed.

    Raises:
        ProvisioningError: The disk refuses.
    """
    debris = [*_set_aside(store), *_left(store, dry_run=dry_run)]
    candidates = [_candidate(store, name, opened) for name in store.names()]
    reasons = verdicts(candidates, wanted, datetime.now(timezone.utc))
    removed, kept = [], []
    for one in sorted(candidates, key=lambda candidate: (candidate.last_used, candidate.name)):
        obstacle = one.obstacle
        if one.name in reasons and not dry_run:
            obstacle = _remove(store, one.name)
        if one.name in reasons and not obstacle:
            removed.append(_collected(one, reasons[one.name]))
        else:
            kept.append(_collected(one, obstacle or ("to be kept" if wanted.keep(one.name) else "within the limits")))
    if not dry_run:
        store.reclaimer.start()
        store.reclaimer.wait(_RECLAIM_SECONDS)
    return Cleanup(dry_run, (*removed, *debris), tuple(kept))


def _candidate(store: Store, name: str, opened: frozenset[str]) -> Candidate:
    try:
        record = store.record(name)
    except RecordError as error:
        path = store.layout.record(name)
        used = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        return Candidate(name, used, measure(path.parent), f"its record cannot be read: {error}")
    if record is None:  # deleted since the names were listed
        return Candidate(name, datetime.now(timezone.utc), obstacle="it was deleted meanwhile")
    used = store.last_used(record)
    size = measure(store.prefix_path(record))
    gates = [store.layout.users(name, generation) for generation in store.layout.generations(name)]
    users = [str(user) for gate in gates for user in usage.users(gate)]
    obstacle = f"used by {', '.join(users)}" if users else "open in this program" if name in opened else ""
    return Candidate(name, used, size, obstacle)


def _set_aside(store: Store) -> Iterator[CleanupItem]:
    for path in _folders(store.layout.debris):
        size = measure(path)
        yield CleanupItem(path.name, "left by a deletion or a replacement", size.total, size.own)


def _left(store: Store, *, dry_run: bool) -> list[CleanupItem]:
    """Find, and sweep, the prefixes that belong to no environment."""
    found: list[CleanupItem] = []
    for folder in _folders(store.layout.environments):
        name = folder.name
        if not leftovers(store, name):
            continue
        with suppress(ProvisioningCanceledError), explained(name, store.layout.root), _at_once(store, name):
            sizes = [measure(path) for path in leftovers(store, name)]
            reason = "left by an interrupted build or a replacement"
            found += [CleanupItem(name, reason, size.total, size.own) for size in sizes]
            if not dry_run:
                sweep(store, name)
    return found


def _at_once(store: Store, name: str) -> AbstractContextManager[None]:
    """Hold the right to change an environment, if nobody else does.

    Raises:
        ProvisioningCanceledError: Somebody does. What lies there is being built.
    """
    return builder_lock(store.layout, name, _Unwilling())


def _remove(store: Store, name: str) -> str:
    """Delete an environment; return why it could not be."""
    try:
        remove(store, name, _Unwilling())
    except EnvironmentInUseError as error:
        return str(error)
    except ProvisioningCanceledError:
        return "being changed by another process"
    except EnvironmentNotFoundError:
        return "it was deleted meanwhile"
    return ""


def _collected(one: Candidate, reason: str) -> CleanupItem:
    return CleanupItem(one.name, reason, one.size.total, one.size.own, one.last_used)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
