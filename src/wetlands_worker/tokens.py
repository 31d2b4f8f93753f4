"""The files that a process is told of by a token: it has inherited them, or opens them by a path."""

import os

__all__ = ["is_file", "open_file"]


def is_file(where: str) -> bool:
    """Whether it is something for `open_file`; else it is the name of a mapping, which Windows has."""
    return where.isdigit() or os.path.isabs(where)


def open_file(where: str) -> int:
    """The descriptor of a file that is read and written; no child of this process has it.

    Args:
        where: The number of a descriptor that was inherited, which is returned; or a path, also
            ``/proc/<pid>/fd/<number>`` for a file without a name of another process of the same user.

    Raises:
        OSError: There is no such file, or it is not ours to open.
    """
    if not where.isdigit():
        return os.open(where, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    descriptor = int(where)
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional in the standard library
    return descriptor
