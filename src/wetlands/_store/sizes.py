"""How much space a folder takes, and how much of it deleting the folder would give back."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["NOTHING", "Size", "measure"]


@dataclass(frozen=True)
class Size:
    """The size of files.

    Attributes:
        total: Bytes, a file with several names in the folder counted once.
        own: Bytes of the files that have no other name elsewhere, such as in a cache of packages.
    """

    total: int
    own: int

    def __add__(self, other: Size) -> Size:
        return Size(self.total + other.total, self.own + other.own)


NOTHING = Size(0, 0)


def measure(folder: Path) -> Size:
    """Measure the files below a folder, or one file; what cannot be looked at, or vanishes meanwhile, is left out."""
    total = own = 0
    seen: Counter[tuple[int, int]] = Counter()
    for state in _states(str(folder)):
        if state.st_nlink > 1:
            file = (state.st_dev, state.st_ino)
            seen[file] += 1
            total += state.st_size if seen[file] == 1 else 0
            own += state.st_size if seen[file] == state.st_nlink else 0
        else:
            total += state.st_size
            own += state.st_size
    return Size(total, own)


def _states(folder: str) -> Iterator[os.stat_result]:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        else:
                            # Not entry.stat(): on Windows it does not know how many names a file has.
                            yield os.lstat(entry.path)
        except NotADirectoryError:
            yield os.lstat(current)
        except OSError:
            continue
