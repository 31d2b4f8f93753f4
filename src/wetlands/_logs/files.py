"""A text file of bounded size that several processes may append to."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3

_CHECK_SECONDS = 1.0


class BoundedFile:
    """Appends to a file, which is opened with the first text and begun anew when it is full.

    A full file becomes ``<name>.1``, the one before it ``<name>.2``, and so on. Where it cannot be renamed (Windows,
    while another process has it open) it is emptied instead: the bound comes first. Each text is one write at the end
    of the file, so texts of several processes do not mix; a process notices that another has renamed the file.

    Not safe for several threads at once: the handler that owns it has the lock.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file: FileIO | None = None
        self._made_folder = False
        self._checked = 0.0

    def append(self, text: str) -> None:
        """Write at the end; letters that are no Unicode text are written as escapes.

        Raises:
            OSError: If the file cannot be written; the next call tries to open it again.
        """
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            file = self._with_room_for(len(rest))
            while rest:
                rest = rest[file.write(rest) or 0 :]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; the next text opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # nothing is buffered, so nothing is lost
                file.close()

    def _with_room_for(self, size: int) -> FileIO:
        now = time.monotonic()
        if now - self._checked >= _CHECK_SECONDS:
            self._checked = now
            self._leave_if_moved()
        file = self._opened()
        if self._max_bytes and _size(file) + size > self._max_bytes:
            self._leave_if_moved()  # another process may just have made the room
            file = self._opened()
            if _size(file) and _size(file) + size > self._max_bytes:
                file = self._begin_anew(file)
        return file

    def _opened(self) -> FileIO:
        if self._file is None:
            if not self._made_folder:  # once: a folder that was removed since is not wanted any more
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._made_folder = True
            self._file = self.path.open("ab", buffering=0)
        return self._file

    def _leave_if_moved(self) -> None:
        if self._file is not None:
            try:
                moved = not os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
            except FileNotFoundError:
                moved = True
            if moved:
                self.close()

    def _begin_anew(self, file: FileIO) -> FileIO:
        """Rename the full files, oldest first; `file` must be closed before, or Windows refuses."""
        file.close()
        self._file = None
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{i + 1}") for i in range(self._backups))]
        try:
            for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
                with suppress(FileNotFoundError):  # not so many yet, or another process was first
                    newer.replace(older)
            renamed = self._backups > 0
        except OSError:
            renamed = False
        file = self._opened()
        if not renamed:
            file.truncate(0)
        return file


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size
