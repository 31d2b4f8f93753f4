"""What a generation knows of itself and of those before it: its lock, and the records and locks of earlier ones.

```
<generation>/.wetlands/pixi.lock                    exactly what is in it
<generation>/.wetlands/earlier/<n>/record.json      what was there before, the last one first, and its lock
                                  /pixi.lock
```

All lies in the generation, so it comes and goes with it in one step. What is kept of earlier generations is a few
kilobytes each: their packages are in the caches of the tools, from which a generation is linked again in seconds.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._store.record import Record
from wetlands.exceptions import RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.locks.model import Lock

__all__ = ["Earlier", "earlier", "forget_lock", "inherit", "lock_path", "read_stored_lock", "store_lock"]

_MOST_KEPT = 5
_FOLDER = ".wetlands"


@dataclass(frozen=True)
class Earlier:
    """What an environment was before.

    Attributes:
        record: Its record.
        lock: The file with its lock; it may be missing.
    """

    record: Record
    lock: Path


def lock_path(prefix: Path) -> Path:
    """Return the file with the lock of a generation."""
    return prefix / _FOLDER / "pixi.lock"


def store_lock(prefix: Path, lock: Lock) -> None:
    """Store the lock of a generation that is being built or changed."""
    from wetlands._backends.locks.text import lock_text  # noqa: PLC0415 - a create() that reuses needs none of it

    path = lock_path(prefix)
    path.parent.mkdir(exist_ok=True)
    path.write_text(lock_text(lock, path.parent), encoding="utf-8", newline="\n")


def forget_lock(prefix: Path) -> None:
    """Remove the lock of a generation that is about to change."""
    lock_path(prefix).unlink(missing_ok=True)


def read_stored_lock(path: Path) -> Lock | None:
    """Return a stored lock, or None when there is none.

    Raises:
        LockError: It is damaged.
    """
    if not path.is_file():
        return None
    from wetlands._backends.locks.read import read_lock  # noqa: PLC0415 - imports the engine

    return read_lock(path)


def earlier(prefix: Path) -> tuple[Earlier, ...]:
    """Return what the environment was before a generation, the last one first; what is damaged ends the list."""
    found = []
    for number in range(_MOST_KEPT):
        folder = _of(prefix, number)
        try:
            record = Record.read(folder / "record.json")
        except RecordError:
            break
        if record is None:
            break
        found.append(Earlier(record, folder / "pixi.lock"))
    return tuple(found)


def inherit(prefix: Path, before: Record, old_prefix: Path, *, undoing: bool) -> None:
    """Give a new generation the history of the one it replaces.

    Args:
        prefix: The new generation.
        before: The record of the one that is replaced.
        old_prefix: Its folder.
        undoing: Whether the new one is the last of the earlier ones, built again: then that one and the replaced one
            are no part of what was before.
    """
    history = earlier(old_prefix)
    kept = history[1:] if undoing else (Earlier(before, lock_path(old_prefix)), *history)
    for number, one in enumerate(kept[:_MOST_KEPT]):
        folder = _of(prefix, number)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(one.record.to_text(), encoding="utf-8")
        if one.lock.is_file():
            shutil.copyfile(one.lock, folder / "pixi.lock")


def _of(prefix: Path, number: int) -> Path:
    return prefix / _FOLDER / "earlier" / str(number)
