"""Finds out what a worker that keeps silent is doing: computing, waiting, or nothing because it is suspended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._pool.stacks import ask_stacks, dumped_stacks, rendered
from wetlands_worker import messages

if TYPE_CHECKING:
    from wetlands._platform.vitals import Vitals
    from wetlands._pool.stacks import ThreadStack
    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TracebackFrame

__all__ = ["Finding", "examine"]

_PATIENCE_SECONDS = (
    1.0  # a thread that wants Python's lock gets it within milliseconds, on a machine that is not swamped
)
_WATCH_SECONDS = 0.1
_COMPUTES = 0.1  # of one processor, during the look; the system counts in steps of 10 ms


@dataclass(frozen=True, slots=True)
class Finding:
    """What a worker was doing.

    Attributes:
        words: A sentence.
        stacks: The Python stacks of its threads, the main thread first; empty where they cannot be had.
        dumped: What ``faulthandler`` says instead, where no thread of the worker can run.
    """

    words: str
    stacks: tuple[ThreadStack, ...] = ()
    dumped: str = ""

    @property
    def text(self) -> str | None:
        """The stacks as text."""
        return rendered(self.stacks) if self.stacks else self.dumped or None

    @property
    def frames(self) -> tuple[TracebackFrame, ...]:
        """Those of the main thread, the outermost first."""
        return self.stacks[0].frames if self.stacks else ()


def examine(worker: Worker, *, patience: float = _PATIENCE_SECONDS) -> Finding:
    """Look at a worker from outside and ask it; takes about twice the patience at most."""
    before, began = worker.process.vitals(), time.monotonic()
    if before is None:
        return Finding("its process is gone")
    if before.stopped:
        return Finding("its process is stopped (by SIGSTOP or a debugger) and cannot run")
    if worker.inquiries.ask(messages.PING, patience) is None:
        share = _share(before, worker.process.vitals(), time.monotonic() - began)
        doing, cpu = ("is busy", "it computes") if share >= _COMPUTES else ("waits", "it uses no processor")
        words = f"it {doing} in native code that holds Python's lock: {cpu}, and no thread can answer"
        return Finding(words, dumped=dumped_stacks(worker, patience))
    stacks = ask_stacks(worker, patience)
    worker.gone.wait(_WATCH_SECONDS)
    share = _share(before, worker.process.vitals(), time.monotonic() - began)
    doing = "is busy" if share >= _COMPUTES else "is stuck or waits"
    where = "" if not stacks or not stacks[0].frames else f" in {stacks[0].where}"
    return Finding(f"its process lives and answers, and the function {doing}{where}", stacks)


def _share(before: Vitals, after: Vitals | None, seconds: float) -> float:
    return 0.0 if after is None else (after.cpu_seconds - before.cpu_seconds) / seconds
