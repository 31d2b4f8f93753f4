"""The worker's own stdout and stderr: text streams that say which task wrote what.

Standard output belongs to the user's code; the protocol never uses it. Before the first output of a task on a stream,
a marker is written into that stream, so that the host can tell the tasks apart even when it reads the lines much later.
A task that writes nothing costs nothing. What is written past Python, by C code or child processes, carries the marker
of the last Python output of its task on that stream; before there is one, it is nobody's.
"""

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

MARK_END = b"\x1e"


def marker(nonce: str) -> bytes:
    """How a mark starts in the streams of one worker; the host's reader is told the same."""
    return b"\x1e" + nonce.encode("ascii") + b":"


class MarkedStream(io.RawIOBase):
    """A raw stream over a descriptor that marks where the output of another task begins."""

    def __init__(self, descriptor: int, mark: bytes, task: "Callable[[], str]") -> None:
        self._descriptor = descriptor
        self._mark = mark
        self._task = task
        self._marked = ""

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor, so that ``subprocess.run(..., stdout=sys.stdout)`` works."""
        return self._descriptor

    def write(self, data: "bytes") -> int:  # type: ignore[override]  # typeshed's Buffer is not in Python 3.8
        """Write a mark if another task writes now, then the bytes."""
        task = self._task()
        if task != self._marked:
            self._marked = task
            mark = self._mark + task.encode("utf-8") + MARK_END
            while mark:
                mark = mark[os.write(self._descriptor, mark) :]
        return os.write(self._descriptor, data)

    def leave(self) -> None:
        """The task that writes has ended: what comes without a mark from here on is nobody's."""
        if self._marked:
            self._marked = ""
            mark = self._mark + MARK_END
            while mark:
                mark = mark[os.write(self._descriptor, mark) :]


_raw: "List[MarkedStream]" = []


def redirect(nonce: str, task: "Callable[[], str]") -> None:
    """Put marked streams in the place of ``sys.stdout`` and ``sys.stderr``, line-buffered UTF-8."""
    mark = marker(nonce)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = MarkedStream(descriptor, mark, task)
        _raw.append(raw)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw),  # type: ignore[type-var]  # `write` takes bytes, which is all that it is given
            encoding="utf-8",
            errors="backslashreplace",
            newline="\n",
            line_buffering=True,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def flush() -> None:
    """Push out what the finished task wrote, also an unfinished line."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - user code may have replaced or closed them; its call has succeeded
            pass


def leave() -> None:
    """Push out what the finished task wrote, and say that it has finished."""
    flush()
    for raw in _raw:
        try:
            raw.leave()
        except OSError:  # user code has closed the descriptor
            pass
