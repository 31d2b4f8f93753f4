"""Mappings that are found by a name, as Windows has them. Workers of any Python import this, so it needs nothing."""

from __future__ import annotations

import mmap
import os

_Mapping = mmap.mmap


def mapping_by_name(folder: str) -> type[mmap.mmap]:
    """A class like `mmap.mmap` of Windows.

    Args:
        folder: Where there is a file for each name.
    """

    class Mapping(_Mapping):
        def __new__(cls, fileno: int, length: int, tagname: str | None = None) -> Mapping:  # noqa: PYI034 - Python 3.8
            if tagname is None:
                return _Mapping.__new__(cls, fileno, length)
            descriptor = os.open(f"{folder}/{tagname}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(descriptor).st_size < length:
                    os.ftruncate(descriptor, length)
                return _Mapping.__new__(cls, descriptor, length)
            finally:
                os.close(descriptor)

    return Mapping
