"""Files in memory without a name, on Linux: whoever is killed, nothing is left when their last user is gone."""

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["make_memory_file", "seal_length"]

_FOLDER = "/dev/shm"  # noqa: S108 - the file has no name there
_OPEN_FILES = "/proc/self/fd"
"""Only Linux has it."""
_CLOSE_ON_EXEC, _ALLOW_SEALING = 1, 2
_ADD_SEALS = 1033
_SEAL, _SHRINK, _GROW = 1, 2, 4


def make_memory_file(name: str) -> int:
    """The descriptor of a new one, empty; no child of this process has it.

    Args:
        name: What the system calls it, for those who look into ``/proc``.

    Raises:
        OSError: The system has none.
    """
    make: "Any" = getattr(os, "memfd_create", None)
    if make is not None:
        return int(make(name, _CLOSE_ON_EXEC | _ALLOW_SEALING))
    if not os.path.exists(_OPEN_FILES):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    try:
        return _made_by_libc(name)
    except OSError:  # a file there is limited by the size of that folder, which containers keep small
        flag = getattr(os, "O_TMPFILE", None)
        if flag is None:
            raise
        return os.open(_FOLDER, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)


def seal_length(descriptor: int) -> None:
    """Let no process make a file of ours shorter or longer any more, where the system can do that.

    Whoever reads what lies behind the end of a mapped file is killed by a signal. So a worker that cuts the file which
    it shares with its host would end the host.
    """
    if not os.path.exists(_OPEN_FILES):  # the number means something else there
        return
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.fcntl(descriptor, _ADD_SEALS, _SEAL | _SHRINK | _GROW)
    except OSError:  # a file of another kind
        pass


def _made_by_libc(name: str) -> int:
    """By the C library of this machine: many Pythons are built for older ones, which did not have the function."""
    try:
        import ctypes  # noqa: PLC0415 - slow to import

        make = ctypes.CDLL(None, use_errno=True).memfd_create
    except (ImportError, AttributeError, TypeError):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from None
    descriptor = int(make(name.encode(), _CLOSE_ON_EXEC | _ALLOW_SEALING))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor
