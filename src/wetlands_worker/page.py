"""A page of memory that the worker and its host share: which call was begun last, and stacks on request.

When a worker dies, its connection cannot tell whether it had come to a call that was sent: what was not read is gone
with it. The page survives. A call that was never begun is run elsewhere; one that was begun is not run twice.
"""

import mmap
import os

from wetlands_worker.tokens import is_file, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

SIZE = 1 << 16
_STACKS = 4096
_NUMBER = slice(0, 8)


class Page:
    """One end of the page.

    Args:
        memory: The mapped memory.
        descriptor: The worker's end: where ``faulthandler`` writes stacks into it, one after the other. It needs no
            lock of Python, so a worker whose threads are all kept from running can still be looked into.
    """

    __slots__ = ("_last", "_memory", "descriptor")

    def __init__(self, memory: "mmap.mmap", descriptor: int = -1) -> None:
        self.descriptor = descriptor
        self._memory = memory
        self._last = 0

    def begin(self, number: int) -> None:
        """The worker begins a call."""
        self._memory[_NUMBER] = number.to_bytes(8, "little")

    def last_begun(self) -> int:
        """The number of the call that was begun last; 0 when none was."""
        return self._last if self._memory.closed else int.from_bytes(self._memory[_NUMBER], "little")

    def written(self, start: int) -> bytes:
        """The stacks that were written from this place on."""
        if self._memory.closed:
            return b""
        text, _, _ = self._memory[_STACKS + start :].partition(b"\0")
        return text

    def close(self) -> None:
        """Let go of the memory; what was begun last is remembered."""
        self._last = self.last_begun()
        self._memory.close()


def open_page(token: str) -> Page:
    """The worker's end.

    Args:
        token: A file, see `wetlands_worker.tokens.open_file`; or on Windows the name of a mapping.

    Raises:
        OSError: There is no such file.
    """
    if is_file(token):
        descriptor = open_file(token)
        os.lseek(descriptor, _STACKS, os.SEEK_SET)
        return Page(mmap.mmap(descriptor, SIZE), descriptor)
    return Page(mmap.mmap(-1, SIZE, tagname=token))  # type: ignore[call-arg]  # Windows has this one


def stack_signal() -> "Optional[int]":
    """The signal at which a worker writes its stacks into the page: one that no program uses; None on Windows."""
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415 - `signal` would import enum, slowly

    last = getattr(_signal, "SIGRTMAX", None)
    return getattr(_signal, "SIGINFO", None) if last is None else last - 1
