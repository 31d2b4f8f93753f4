"""Make the page of memory that a worker shares with its host, see `wetlands_worker.page`."""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._platform.system import CURRENT
from wetlands_worker.memory_files import make_memory_file, seal_length
from wetlands_worker.page import SIZE, Page

if TYPE_CHECKING:
    from wetlands._platform.system import System

__all__ = ["make_page"]


def make_page(name: str, *, system: System = CURRENT) -> tuple[Page, str, tuple[int, ...]]:
    """Make a page that nobody else can open by chance, and that leaves nothing behind.

    Args:
        name: A name that nobody else uses; needed on Windows only.
        system: The family of the operating system.

    Returns:
        Our end, the token by which the child opens its end, and the descriptors that it must inherit for that, which
        are the caller's to close.
    """
    if system == "windows":
        token = f"wetlands-{name}"
        return Page(mmap.mmap(-1, SIZE, tagname=token)), token, ()  # type: ignore[call-arg]  # Windows has this one
    descriptor = _unnamed_file()
    os.ftruncate(descriptor, SIZE)
    seal_length(descriptor)
    return Page(mmap.mmap(descriptor, SIZE)), str(descriptor), (descriptor,)


def _unnamed_file() -> int:
    with suppress(OSError):
        return make_memory_file("wetlands")
    with tempfile.TemporaryFile() as file:  # macOS: removed from its folder already
        return os.dup(file.fileno())
