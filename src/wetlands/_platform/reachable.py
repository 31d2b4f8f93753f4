"""What a process that inherits nothing of ours opens by a path, though it has no name: `wetlands_worker.tokens`."""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._platform.page import make_page
from wetlands_worker.page import SIZE, Page

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["make_reachable_page", "reachable"]

_OPEN_FILES = Path("/proc/self/fd")


def reachable(token: str, *, open_files: Path = _OPEN_FILES) -> str:
    """Return the token of a segment for a process that has not inherited it; ``-`` where it could not open it.

    Args:
        token: As `wetlands._platform.segment.make_segment` gives it, to a child.
        open_files: Where the system shows the open files of each process (Linux).
    """
    descriptor, colon, rest = token.partition(":")
    if not descriptor.isdigit():  # none, or one that has a name
        return token
    return f"{_path(int(descriptor))}{colon}{rest}" if open_files.exists() else "-"


def make_reachable_page(*, open_files: Path = _OPEN_FILES) -> tuple[Page, str, Callable[[], None]]:
    """Make a page for a process that does not inherit it.

    Returns:
        Our end, the token by which the other process opens its end, and what is to be called when it has.
    """
    if open_files.exists():
        page, token, (descriptor,) = make_page("")
        return page, _path(int(token)), partial(os.close, descriptor)
    descriptor, path = tempfile.mkstemp(prefix="wetlands-page-")
    try:
        os.ftruncate(descriptor, SIZE)
        page = Page(mmap.mmap(descriptor, SIZE))
    except BaseException:
        _remove(path)
        raise
    finally:
        os.close(descriptor)
    return page, path, partial(_remove, path)


def _path(descriptor: int) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _remove(path: str) -> None:
    with suppress(OSError):  # Windows: while it is open, it stays
        Path(path).unlink()
