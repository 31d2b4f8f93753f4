"""A page of memory that the worker and its host share: which call was begun last.

When a worker dies, its connection cannot tell whether it had come to a call that was sent: what was not read is gone
with it. The page survives. A call that was never begun is run elsewhere; one that was begun is not run twice.
"""

import mmap

SIZE = 4096
_NUMBER = slice(0, 8)


class Page:
    """One end of the page.

    Args:
        memory: The mapped memory.
    """

    __slots__ = ("_last", "_memory")

    def __init__(self, memory: "mmap.mmap") -> None:
        self._memory = memory
        self._last = 0

    def begin(self, number: int) -> None:
        """The worker begins a call."""
        self._memory[_NUMBER] = number.to_bytes(8, "little")

    def last_begun(self) -> int:
        """The number of the call that was begun last; 0 when none was."""
        return self._last if self._memory.closed else int.from_bytes(self._memory[_NUMBER], "little")

    def close(self) -> None:
        """Let go of the memory; what was begun last is remembered."""
        self._last = self.last_begun()
        self._memory.close()


def open_page(token: str) -> Page:
    """The worker's end: a descriptor, or on Windows the name of a mapping."""
    if token.isdigit():
        import os  # noqa: PLC0415 - loaded already

        descriptor = int(token)
        memory = mmap.mmap(descriptor, SIZE)
        os.close(descriptor)  # the mapping has one of its own
        return Page(memory)
    return Page(mmap.mmap(-1, SIZE, tagname=token))  # type: ignore[call-arg]  # Windows has this one
