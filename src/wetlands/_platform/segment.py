"""Make the memory that a host and one worker share, see `wetlands_worker.exchange`."""

from __future__ import annotations

import errno
import itertools
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands_worker.exchange import Exchange
from wetlands_worker.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["make_segment", "memory_of_machine"]

_SIZES = (1 << 39, 1 << 36, 1 << 33)  # of addresses, not of memory; a process may be allowed fewer
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - the file has no name there
_LENT_SHARE, _IDLE_SHARE = 2, 16
_numbers = itertools.count(1)  # never used again: workers know segments by them


def make_segment(
    *, create: Callable[[], int] | None = None, memory: int | None = None
) -> tuple[Exchange | None, str, tuple[int, ...]]:
    """Make memory that has no name, so that nothing is left of it when its last user is gone, however he went.

    Args:
        create: Makes a file without a name in memory.
        memory: How many bytes of memory there are; by default what the system says.

    Returns:
        Our end, the token by which the child opens its end, and the descriptors that it must inherit for that, which
        stay ours. Where the system has no such memory: None, a token that says so, and no descriptors.
    """
    total = memory_of_machine() if memory is None else memory
    limit, idle_limit = total // _LENT_SHARE, total // _IDLE_SHARE
    for size in _SIZES:
        with suppress(OSError):
            descriptor = (create or _unnamed_file)()
            try:
                os.ftruncate(descriptor, size)
            except OSError:
                os.close(descriptor)
                raise
            exchange = Exchange(
                Segment(descriptor, size, next(_numbers)), upper=False, limit=limit, idle_limit=idle_limit
            )
            return exchange, f"{descriptor}:{size}:{limit}:{idle_limit}", (descriptor,)
    return None, "-", ()


def _unnamed_file() -> int:
    create = getattr(os, "memfd_create", None)
    if create is not None:
        return int(create("wetlands"))
    unnamed = getattr(os, "O_TMPFILE", None)  # Linux, and a Python that was built for systems older than memfd
    if unnamed is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return os.open(_MEMORY_FOLDER, unnamed | os.O_RDWR | os.O_CLOEXEC, 0o600)


def memory_of_machine(limits: tuple[Path, ...] = _GROUP_LIMITS) -> int:
    """How many bytes of memory we may use: those of the machine, or what the control group allows.

    Args:
        limits: Files with the limit of the control group.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in limits:
        with suppress(OSError, ValueError):
            total = min(total, int(limit.read_text(encoding="ascii")))
    return total
