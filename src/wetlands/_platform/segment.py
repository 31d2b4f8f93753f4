"""Make the memory that a host and one worker share, see `wetlands_worker.exchange`."""

from __future__ import annotations

import errno
import itertools
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._platform.amounts import amount_of
from wetlands_worker.exchange import Exchange
from wetlands_worker.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMIT_VARIABLE", "make_segment", "memory_of_machine", "most_in_flight"]

LIMIT_VARIABLE = "WETLANDS_SHARED_MEMORY"
"""The variable that says how many bytes may be on their way; 0: there is no shared memory."""

_SIZES = (1 << 39, 1 << 36, 1 << 33)  # of addresses, not of memory; a process may be allowed fewer
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - the file has no name there
_LENT_SHARE, _IDLE_SHARE = 2, 8  # of the memory; of what may be lent
_numbers = itertools.count(1)  # never used again: workers know segments by them


def make_segment(
    *, create: Callable[[], int] | None = None, limit: int | None = None
) -> tuple[Exchange | None, str, tuple[int, ...]]:
    """Make memory that has no name, so that nothing is left of it when its last user is gone, however he went.

    Args:
        create: Makes a file without a name in memory.
        limit: How many bytes may be lent in each direction; by default what `most_in_flight` says.

    Returns:
        Our end, the token by which the child opens its end, and the descriptors that it must inherit for that, which
        stay ours. Where the system has no such memory, or the user wants none: None, a token that says so, and no
        descriptors.

    Raises:
        ValueError: The user's limit is no amount.
    """
    if limit is None:
        limit = most_in_flight()
    if not limit:
        return None, "-", ()
    idle_limit = limit // _IDLE_SHARE
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


def most_in_flight() -> int:
    """How many bytes of shared memory may be on their way at a time; 0: the system has none, or the user wants none.

    Raises:
        ValueError: The user's limit is no amount.
    """
    if not hasattr(os, "memfd_create") and not hasattr(os, "O_TMPFILE"):
        return 0
    return _most(os.environ.get(LIMIT_VARIABLE))


@lru_cache(maxsize=4)
def _most(said: str | None) -> int:
    if not said:
        return memory_of_machine() // _LENT_SHARE
    amount = amount_of(said)
    if amount is None:
        raise ValueError(f"{LIMIT_VARIABLE} is a number of bytes, or text such as '2GB' or '512MiB', not {said!r}")
    return amount


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
