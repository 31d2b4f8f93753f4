"""Whether all that was written into a pipe has been read."""

from __future__ import annotations

import select
import struct
from contextlib import suppress
from typing import IO

__all__ = ["is_empty", "wait_readable"]

_INT = struct.Struct("i")


def wait_readable(pipe: IO[bytes] | IO[str]) -> None:
    """Wait until something can be read, or nothing will come any more; returns at once where that cannot be known."""
    poll = getattr(select, "poll", None)
    if poll is None:  # Windows
        return
    with suppress(OSError, ValueError):  # it has no descriptor, or is closed
        waiting = poll()
        waiting.register(pipe.fileno(), select.POLLIN)
        waiting.poll()


def is_empty(pipe: IO[bytes] | IO[str]) -> bool | None:
    """Whether nothing is in a pipe; None where that cannot be known."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
        import termios  # noqa: PLC0415 - see above

        return not _INT.unpack(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, _INT.pack(0)))[0]
    except (ImportError, OSError):
        return None
    except ValueError:  # closed: its end was read
        return True
