"""Make the memory that a host and one worker share, see `wetlands_worker.exchange`."""

from __future__ import annotations

import errno
import itertools
import mmap
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from wetlands._platform.amounts import amount_of
from wetlands._platform.system import CURRENT
from wetlands_worker.exchange import Exchange
from wetlands_worker.memory_files import make_memory_file, seal_length
from wetlands_worker.segments import Segment
from wetlands_worker.zones import GRAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._platform.system import System

__all__ = ["LIMIT_VARIABLE", "make_segment", "memory_of_machine", "most_in_flight"]

LIMIT_VARIABLE = "WETLANDS_SHARED_MEMORY"
"""The variable that says how many bytes may be on their way; 0: there is no shared memory."""

_SIZES = (1 << 39, 1 << 36, 1 << 33)  # of addresses, not of memory; a process may be allowed fewer
_LEAST = 1 << 26  # of addresses, where memory is bound to them
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_LENT_SHARE, _IDLE_SHARE = 2, 8  # of the memory; of what may be lent
_FIXED_SHARES: Mapping[System, int] = {"posix": 4, "windows": 16}
"""Of the memory, for each worker and direction, where it stays until the worker ends; Windows sets it aside at once."""
_TRIES = 20
_numbers = itertools.count(1)  # never used again: workers know segments by them

Made = tuple[Exchange | None, str, tuple[int, ...]]


def make_segment(
    *, create: Callable[[], int] | None = None, limit: int | None = None, system: System = CURRENT
) -> Made:
    """Make memory of which nothing is left when its last user is gone, however he went.

    Linux has files in memory whose parts can be given back. Elsewhere the memory has a fixed length, see
    `wetlands_worker.segments`.

    Args:
        create: Makes a file without a name in memory.
        limit: How many bytes may be lent in each direction; by default what `most_in_flight` says, or less where the
            memory has a fixed length and the user has not said how much it shall be.
        system: The family of the operating system.

    Returns:
        Our end, the token by which the child opens its end, and the descriptors that it must inherit for that, which
        stay ours. Where the system has no such memory, or the user wants none: None, a token that says so, and no
        descriptors.

    Raises:
        ValueError: The user's limit is no amount.
    """
    most = most_in_flight() if limit is None else limit
    if not most:
        return None, "-", ()
    if hasattr(mmap, "MADV_REMOVE") and system == "posix":
        return _sparse(create or _memory_file, most)
    if limit is None and not os.environ.get(LIMIT_VARIABLE):
        most = min(most, memory_of_machine() // _FIXED_SHARES[system])
    return _fixed(None if system == "windows" else create or _shared_object, most)


def _sparse(create: Callable[[], int], limit: int) -> Made:
    for size in _SIZES:
        with suppress(OSError):
            return _made(_sized(create(), size), size, limit, "sparse")
    return None, "-", ()


def _fixed(create: Callable[[], int] | None, limit: int) -> Made:
    """By a file, or by a name. There are no more addresses than may be lent, so no more memory is ever used."""
    half = -(-limit // GRAIN) * GRAIN
    while True:
        with suppress(OSError):
            where = f"wetlands-{os.urandom(8).hex()}" if create is None else _sized(create(), 2 * half)
            return _made(where, 2 * half, min(limit, half), "fixed")
        half = half // 2 // GRAIN * GRAIN
        if half < _LEAST:
            return None, "-", ()


def _made(where: int | str, size: int, limit: int, kind: Literal["sparse", "fixed"]) -> Made:
    idle_limit = limit // _IDLE_SHARE
    segment = Segment(where, size, next(_numbers), fixed=kind == "fixed")
    exchange = Exchange(segment, upper=False, limit=limit, idle_limit=idle_limit)
    return exchange, f"{where}:{size}:{limit}:{idle_limit}:{kind}", (where,) if isinstance(where, int) else ()


def _sized(descriptor: int, size: int) -> int:
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise
    seal_length(descriptor)
    return descriptor


def _memory_file() -> int:
    return make_memory_file("wetlands")


def _shared_object() -> int:
    """Memory as macOS has it, where a program that is killed while it starts a worker leaves an empty name at most.

    All programs of a user take the same name, and only until the memory is open. So the next one finds what was left.
    """
    from _posixshmem import shm_open, shm_unlink  # type: ignore[import-not-found]  # noqa: PLC0415 - not on Windows

    name = f"/wetlands-{os.getuid()}"  # macOS allows 30 characters
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            descriptor = int(shm_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode=0o600))
            with suppress(FileNotFoundError):  # another process has found it in its way
                shm_unlink(name)
            return descriptor
        with suppress(FileNotFoundError):
            shm_unlink(name)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def most_in_flight() -> int:
    """How many bytes of shared memory may be on their way at a time; 0: the user wants none.

    Raises:
        ValueError: The user's limit is no amount.
    """
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
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows
        total = psutil.virtual_memory().total
    for limit in limits:
        with suppress(OSError, ValueError):
            total = min(total, int(limit.read_text(encoding="ascii")))
    return total
