"""Writing a file so that no reader ever sees half of it, and removing folders that resist."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._store.steps import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._store.steps import Reached

__all__ = ["remove_tree", "write_atomically"]

# On Windows a file cannot be replaced during the microseconds in which somebody reads it.
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.01


def write_atomically(path: Path, text: str, *, staged: Path, reached: Reached = unwatched) -> None:
    """Replace a file by a new text: a reader sees the old text or the new one, also after a crash or a power cut.

    Args:
        path: The file.
        text: What it shall contain.
        staged: A path in the same folder that does not exist, to be written first.
        reached: Told ``"record staged"`` before the replacement.

    Raises:
        OSError: The text could not be written; `path` is as before and `staged` is gone.
    """
    with ExitStack() as undo:
        undo.callback(_unlink, staged)
        with staged.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        reached("record staged")
        _replace(staged, path)
        undo.pop_all()
    _sync_folder(path.parent)


def remove_tree(path: Path) -> bool:
    """Remove a folder with all that is in it, read-only files too; links are removed, not followed.

    Returns:
        Whether it is gone. What cannot be removed now (a file that Windows keeps open) is left, without an error.
    """
    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=_make_writable_and_retry)
    else:
        shutil.rmtree(path, onerror=_make_writable_and_retry)
    return not os.path.lexists(path)


def _make_writable_and_retry(function: Callable[..., object], path: str, _error: object) -> None:
    """Give ourselves the right that was missing: on the entry (Windows) or on the folder it lies in (POSIX)."""
    entry = Path(path)
    with suppress(OSError):
        for locked in (entry.parent, entry):
            if not locked.is_symlink():
                locked.chmod(locked.stat().st_mode | stat.S_IRWXU)
        if function in {os.unlink, os.rmdir}:
            function(path)
        elif entry.is_dir() and not entry.is_symlink():
            # Its entries could not be listed: begin again with it, now that they can. A second failure is final.
            shutil.rmtree(path, ignore_errors=True)


def _replace(source: Path, target: Path) -> None:
    for _ in range(_ATTEMPTS):
        with suppress(PermissionError):
            source.replace(target)
            return
        time.sleep(_PAUSE_SECONDS)
    source.replace(target)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where folders can be opened (not on Windows, where it does so anyway)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
