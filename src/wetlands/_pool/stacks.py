"""The Python stacks of a running worker, asked of its control thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands_worker import messages
from wetlands_worker.failures import TracebackFrame
from wetlands_worker.values import DecodeError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.worker import Worker

__all__ = ["ThreadStack", "ask_stacks", "rendered"]


@dataclass(frozen=True, slots=True)
class ThreadStack:
    """What one thread of a worker was doing.

    Attributes:
        thread: Its name.
        is_main: Whether it is the main thread, which runs the tasks.
        frames: Its frames, the outermost first.
    """

    thread: str
    is_main: bool
    frames: tuple[TracebackFrame, ...]

    @property
    def where(self) -> str:
        """The innermost frame, in words."""
        frame = self.frames[-1]
        return f"{frame.name} ({frame.filename}:{frame.lineno})"

    def __str__(self) -> str:
        name = "main thread" if self.is_main else f"thread {self.thread!r}"
        lines = [f"Stack of the {name} (most recent call last):"]
        for frame in self.frames:
            lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
            if frame.line:
                lines.append(f"    {frame.line}")
        return "\n".join(lines if self.frames else [*lines, "  (no task runs)"])


def rendered(stacks: Sequence[ThreadStack]) -> str:
    """All of them as one text."""
    return "\n".join(map(str, stacks))


def ask_stacks(worker: Worker, patience: float) -> tuple[ThreadStack, ...]:
    """The stacks of the threads of a worker, the main thread first; empty when it does not answer in time."""
    body = worker.inquiries.ask(messages.STACK, patience)
    if body is None:
        return ()
    try:
        return tuple(
            ThreadStack(str(name), is_main is True, tuple(TracebackFrame(*frame) for frame in frames))
            for name, is_main, frames in _plain(decode(body, ()))
        )
    except (DecodeError, TypeError, ValueError):  # of a worker whose version says it otherwise
        return ()


def _plain(decoded: object) -> tuple[tuple[object, object, tuple[tuple[str, int, str, str], ...]], ...]:
    return tuple(decoded)  # type: ignore[arg-type]  # what it is, wetlands_worker.stacks says
