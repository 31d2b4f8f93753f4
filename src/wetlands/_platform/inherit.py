"""Hand open sockets to a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from wetlands._platform.system import System

__all__ = ["InheritOptions", "inherit"]


class InheritOptions(TypedDict, total=False):
    """Keyword arguments of ``subprocess.Popen``."""

    pass_fds: tuple[int, ...]
    startupinfo: object
    close_fds: bool


def inherit(
    sockets: Sequence[socket.socket], descriptors: Sequence[int] = (), *, system: System = CURRENT
) -> tuple[tuple[int, ...], InheritOptions]:
    """Prepare sockets for a child.

    Args:
        sockets: What the child shall have; they are ours to close after the start.
        descriptors: Files that it shall have too; there are none on Windows.
        system: The family of the operating system.

    Returns:
        The numbers by which the child knows them (descriptors; on Windows handles, which
        ``socket.socket(fileno=...)`` takes too), and the arguments for ``Popen``.
    """
    numbers = tuple(sock.fileno() for sock in sockets)
    if system == "posix":
        return numbers, {"pass_fds": (*numbers, *descriptors)}
    for sock in sockets:
        sock.set_inheritable(True)
    import subprocess  # noqa: PLC0415 - STARTUPINFO is there on Windows only

    startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": list(numbers)})  # type: ignore[attr-defined]
    return numbers, {"startupinfo": startup, "close_fds": True}
