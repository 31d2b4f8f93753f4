"""The Python stacks of a running worker, asked of its control thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._plain.decoding import decode_plain
from wetlands._plain.fields import fields, frames_of
from wetlands_worker import messages
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TracebackFrame

__all__ = ["ThreadStack", "all_stacks", "ask_stacks", "dumped_stacks", "named_stacks", "rendered", "worker_stack"]

_PATIENCE_SECONDS = 1.0


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
        return named_stacks(decode_plain(body, ()))
    except (DecodeError, TypeError, ValueError):  # of a worker whose version says it otherwise
        return ()


def dumped_stacks(worker: Worker, patience: float) -> str:
    """The stacks as ``faulthandler`` writes them, for a worker in which no thread can answer; may be empty."""
    lines = worker.process.dump_stacks(patience).splitlines()
    return "\n".join(line for line in lines if _OURS not in line)


_OURS = "wetlands_worker"


def worker_stack(worker: Worker, patience: float = _PATIENCE_SECONDS) -> str:
    """What a worker is doing, as text; takes about twice the patience at most."""
    stacks = ask_stacks(worker, patience)
    if stacks:
        return rendered(stacks)
    dumped = dumped_stacks(worker, patience)
    if dumped:
        return f"Native code holds Python's lock, so no thread can answer; faulthandler says:\n{dumped}"
    vitals = worker.process.vitals()
    why = (
        "is gone"
        if vitals is None
        else "is stopped (by SIGSTOP or a debugger)"
        if vitals.stopped
        else "does not answer"
    )
    return f"No stack: worker {worker.index} pid {worker.process.pid} {why}."


def named_stacks(plain: object) -> tuple[ThreadStack, ...]:
    """What `wetlands_worker.stacks` found, as objects.

    Raises:
        ValueError: It is something else.
    """
    return tuple(_named_stack(*fields(stack, 3)[:3]) for stack in fields(plain))


def _named_stack(name: object, is_main: object, frames: object) -> ThreadStack:
    if not isinstance(name, str):
        raise ValueError("a stack without a name")  # noqa: TRY004 - of a message
    return ThreadStack(name, is_main is True, frames_of(frames))


def all_stacks(workers: Sequence[Worker]) -> dict[int, str]:
    """What each of them is doing, by index; all are asked at the same time."""
    found: dict[int, str] = {}

    def look(worker: Worker) -> None:
        found[worker.index] = worker_stack(worker)

    threads = [threading.Thread(target=look, args=(worker,), name="wetlands-stacks") for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(sorted(found.items()))
