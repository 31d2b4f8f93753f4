"""How long it takes to fill memory that was never used, in the ways that the system has, and memory that was.

``python benchmarks/pages.py [megabytes]`` prints a table, in GB/s, the best of three. What it showed, and what was made
of it, is in ``docs/decisions/0018-neither-populated-nor-huge.md``.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_MADV_POPULATE_WRITE = 23  # Linux 5.14
_MFD_HUGETLB = 4
_ROUNDS = 3


def _file(size: int, flags: int = 0) -> int:
    descriptor = os.memfd_create("pages", os.MFD_CLOEXEC | flags)
    os.ftruncate(descriptor, size)
    return descriptor


def _copied(memory: mmap.mmap, source: np.ndarray) -> None:
    np.copyto(np.frombuffer(memory, "u1"), source)


def _by_pwrite(source: np.ndarray) -> Callable[[], None]:
    descriptor = _file(source.size)
    _keep = mmap.mmap(descriptor, source.size)

    def fill() -> None:
        done = 0
        while done < source.size:
            done += os.pwrite(descriptor, source[done:], done)
        os.close(descriptor)

    return fill


def _by_mapping(source: np.ndarray, *advice: int, flags: int = mmap.MAP_SHARED, file: int = 0) -> Callable[[], None]:
    descriptor = _file(source.size, file)

    def fill() -> None:
        memory = mmap.mmap(descriptor, source.size, flags=flags)
        for one in advice:
            memory.madvise(one)
        _copied(memory, source)
        os.close(descriptor)

    return fill


def _warm(source: np.ndarray) -> Callable[[], None]:
    memory = mmap.mmap(_file(source.size), source.size)
    _copied(memory, source)
    return lambda: _copied(memory, source)


def _ways() -> dict[str, Callable[[np.ndarray], Callable[[], None]]]:
    populate = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0x8000)
    return {
        "warm": _warm,
        "cold, pwrite (ours)": _by_pwrite,
        "cold, through the mapping": _by_mapping,
        "cold, MAP_POPULATE": lambda source: _by_mapping(source, flags=populate),
        "cold, MADV_POPULATE_WRITE": lambda source: _by_mapping(source, _MADV_POPULATE_WRITE),
        "cold, MADV_HUGEPAGE": lambda source: _by_mapping(source, mmap.MADV_HUGEPAGE),
        "cold, MADV_HUGEPAGE and populated": lambda source: _by_mapping(
            source, mmap.MADV_HUGEPAGE, _MADV_POPULATE_WRITE
        ),
        "cold, MFD_HUGETLB": lambda source: _by_mapping(source, file=_MFD_HUGETLB),
    }


def main(megabytes: int) -> None:
    """Print the table."""
    source = np.ones(megabytes << 20, "u1")
    for name in ("enabled", "shmem_enabled"):
        with suppress(OSError):
            setting = Path(f"/sys/kernel/mm/transparent_hugepage/{name}").read_text(encoding="ascii")
            print(f"{name}: {setting.strip()}")
    for name, way in _ways().items():
        best = 0.0
        try:
            for _ in range(_ROUNDS):
                fill = way(source)
                start = time.perf_counter()
                fill()
                best = max(best, source.size / (time.perf_counter() - start) / 1e9)
            print(f"{name:36} {best:6.2f} GB/s")
        except (OSError, ValueError) as error:
            print(f"{name:36} not to be had here ({error})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
