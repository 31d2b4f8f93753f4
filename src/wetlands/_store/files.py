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

from wetlands._platform.system import CURRENT
from wetlands._store.steps import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._platform.system import System
    from wetlands._store.steps import Reached

__all__ = ["remove_tree", "write_atomically"]

# On Windows a file cannot be replaced during the microseconds in which somebody reads it.
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.01


def write_atomically(
    path: Path, text: str, *, staged: Path, reached: Reached = unwatched, lasting: bool = True
) -> None:
    """Replace a file by a new text: a reader sees the old text or the new one, also after a crash or a power cut.

    Args:
        path: The file.
        text: What it shall contain.
        staged: A path in the same folder that does not exist, to be written first.
        reached: Told ``"record staged"`` before the replacement.
        lasting: Whether it shall survive a power cut, which takes the time of a disk.

    Raises:
        OSError: The text could not be written; `path` is as before and `staged` is gone.
    """
    with ExitStack() as undo:
        undo.callback(_unlink, staged)
        with staged.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        reached("record staged")
        _replace(staged, path)
        undo.pop_all()
    if lasting:
        _sync_folder(path.parent)


def remove_tree(path: Path, *, system: System = CURRENT) -> bool:
    """Remove a folder with all that is in it, read-only files too; links are removed, not followed.

    Args:
        path: The folder.
        system: The operating system.

    Returns:
        Whether it is gone. What cannot be removed now (a file that Windows keeps open) is left, without an error.
    """
    on_error = _make_writable_and_retry if system == "windows" else _leave
    _remove(path, on_error)
    if os.path.lexists(path):
        _open_folders(path)
        _remove(path, on_error)
    return not os.path.lexists(path)


def _remove(path: Path, on_error: Callable[[Callable[..., object], str, object], None]) -> None:
    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=on_error)
    else:
        shutil.rmtree(path, onerror=on_error)


def _leave(_function: Callable[..., object], _path: str, _error: object) -> None:
    """Go on with the rest.

    The mode of a file stays: it does not decide whether the file can be deleted, and the same file may
    lie in a cache of packages too, as a hard link.
    """


def _make_writable_and_retry(function: Callable[..., object], path: str, _error: object) -> None:
    """Take away the mark "read-only", which keeps Windows from deleting a file."""
    with suppress(OSError):
        Path(path).chmod(stat.S_IWRITE)
        function(path)


def _open_folders(path: Path) -> None:
    """Give ourselves all rights on a folder and those in it: on POSIX systems theirs decide what can be deleted."""
    with suppress(OSError):
        path.chmod(stat.S_IRWXU)
    for folder, names, _ in os.walk(path):  # goes from the top down, so each is opened before it is looked into
        for name in names:
            entry = Path(folder, name)
            with suppress(OSError):
                if not entry.is_symlink():
                    entry.chmod(stat.S_IRWXU)


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
