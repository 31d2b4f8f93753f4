"""Decides from a record whether an environment is what is asked for; no tool is run for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._spec import differences, storable
from wetlands._store.history import lock_path, read_stored_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands._backends.locks.model import LockedPlatform
    from wetlands._spec import Spec
    from wetlands._store.record import Record

__all__ = ["obstacles", "unlike"]


def obstacles(record: Record, spec: Spec, base: Path) -> tuple[str, ...]:
    """Say why an environment is not what a recipe asks for.

    Args:
        record: What was built.
        spec: What is asked for.
        base: The folder that relative paths of local packages begin at.

    Returns:
        One sentence per reason, without a full stop; none when it can be reused.
    """
    if not record.managed:
        return (f"its recipe no longer tells what is in it: {'; '.join(record.changes)}",)
    stored, asked = storable(record.spec), storable(spec)  # what was stored by earlier versions may hold credentials
    if stored.fingerprint != asked.fingerprint:
        return differences(stored, asked) or ("its recipe was stored in another form",)
    return tuple(_moved(record, spec, base))


def unlike(prefix: Path, locked: LockedPlatform) -> tuple[str, ...]:
    """Say how the packages of an environment differ from what a lock says; none when they are the same.

    Raises:
        LockError: What is stored about the environment is damaged.
    """
    from wetlands._backends.locks.difference import changes  # noqa: PLC0415 - only for those who give a lock

    stored = read_stored_lock(lock_path(prefix))
    found = None if stored is None else stored.platform(locked.name)
    if found is None:
        return ("it is not known which packages it was built from, so they cannot be compared with the lock",)
    return tuple(f"by the lock: {change}" for change in changes(found, locked))


def _moved(record: Record, spec: Spec, base: Path) -> Iterator[str]:
    """Compare folders of local packages: recipes hold relative paths, and equal ones may lead to different folders.

    A program that was moved as a whole keeps an environment that holds copies of its packages, not one that links to
    where they were.
    """
    for package in spec.local:
        before, now = package.folder(Path(record.base)), package.folder(base)
        if before != now and (package.editable or before.exists()):
            yield f"local package {package.name} was built from {before}, and {now} is asked for"
