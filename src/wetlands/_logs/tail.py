"""The end of a log file, and what is added to it."""

from __future__ import annotations

import os
import re
from collections import deque
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

__all__ = ["about", "added_lines", "last_lines"]

_BEGIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +")


def about(lines: Iterable[str], environment: str) -> Iterator[str]:
    """Yield the lines about one environment; those that a record goes on with, such as a traceback, follow it."""
    wanted = False
    for line in lines:
        begin = _BEGIN.match(line)
        if begin is not None:
            rest = line[begin.end() :]
            wanted = rest.startswith((f"{environment} ", f"{environment}: "))
        if wanted:
            yield line


def last_lines(path: Path, count: int, *, environment: str | None = None) -> list[str]:
    """Return the last lines of a file, of those about an environment if one is named; none when there is no file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = (line.rstrip("\n") for line in file)
            return list(deque(lines if environment is None else about(lines, environment), maxlen=count))
    except FileNotFoundError:
        return []


def added_lines(path: Path, *, wait: Callable[[], object]) -> Iterator[str]:
    """Yield each line that is added to a file from now on, for ever.

    The file may come later, and may be renamed and begun anew when it is full.

    Args:
        path: The file.
        wait: Waits a moment; called when there is nothing new.
    """
    with ExitStack() as opened:
        file = _open(path, opened)
        if file is not None:
            file.seek(0, os.SEEK_END)
        begun = ""
        while True:
            begun += "" if file is None else file.readline()
            if begun.endswith("\n"):
                yield begun[:-1]
                begun = ""
            elif file is None or _replaced(file, path):
                opened.close()
                file = _open(path, opened)
                if file is None:
                    wait()
            else:
                wait()


def _open(path: Path, opened: ExitStack) -> TextIO | None:
    with suppress(FileNotFoundError):
        return opened.enter_context(path.open(encoding="utf-8", errors="replace"))
    return None


def _replaced(file: TextIO, path: Path) -> bool:
    """Whether the path means another file by now, or this one was emptied."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return True
    return not os.path.samestat(now, os.fstat(file.fileno())) or now.st_size < file.tell()
