"""Keys that are pressed while a program shows something, one by one and without Enter."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["pressed_keys"]

_LOOK_SECONDS = 0.05


@contextmanager
def pressed_keys() -> Iterator[Callable[[float], str]]:
    """Read keys of the terminal; what this gives returns the next one, or nothing after so many seconds.

    Ctrl-C raises KeyboardInterrupt as ever. Where standard input is no terminal, no key ever comes. The terminal is as
    it was afterwards.
    """
    if not sys.stdin.isatty():
        yield _nothing
    elif sys.platform == "win32":
        yield _of_console
    else:
        import termios  # noqa: PLC0415 - not on Windows
        import tty  # noqa: PLC0415 - as above

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor)
            yield lambda seconds: _of_terminal(descriptor, seconds)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _nothing(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _of_terminal(descriptor: int, seconds: float) -> str:
    import os  # noqa: PLC0415 - beside the other, which is not on Windows
    import select  # noqa: PLC0415 - as above

    if not select.select([descriptor], [], [], seconds)[0]:
        return ""
    read = os.read(descriptor, 32)
    return read.decode("utf-8", "replace") if read else _nothing(seconds)


def _of_console(seconds: float) -> str:
    import msvcrt  # noqa: PLC0415 - on Windows only

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]  # on Windows only
            return str(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]  # as above
        time.sleep(_LOOK_SECONDS)
    return ""
