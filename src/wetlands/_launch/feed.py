"""Lines on their way: remembered within bounds, and handed from who reads them to who wants them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_LETTERS = 4 * 1024 * 1024
PATIENCE_SECONDS = 5.0

_LETTERS_OF_AN_OBJECT = 64  # what an empty string weighs, about


@dataclass(frozen=True)
class Batch:
    """Lines that were read at once.

    Attributes:
        number: Its place among all batches of the process.
        lines: The lines, without their ends.
        context: What is known about all of them.
    """

    number: int
    lines: Sequence[str]
    context: Mapping[str, object]

    @cached_property
    def letters(self) -> int:
        """How much memory it takes, about."""
        return sum(map(len, self.lines)) + _LETTERS_OF_AN_OBJECT * len(self.lines)


class History:
    """The last lines of one stream: at most `most_lines`, and no more letters than `most_letters` and one batch."""

    def __init__(self, most_lines: int, most_letters: int = MOST_LETTERS) -> None:
        self._most_lines = most_lines
        self._most_letters = most_letters
        self._batches: deque[Batch] = deque()
        self._lines = 0
        self._letters = 0

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def append(self, batch: Batch) -> None:
        """Remember a batch, and forget what was remembered longest."""
        self._batches.append(batch)
        self._lines += len(batch.lines)
        self._letters += batch.letters
        while self._lines > self._most_lines or (self._letters > self._most_letters and len(self._batches) > 1):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._batches.popleft()
        self._lines -= len(oldest.lines)
        self._letters -= oldest.letters
        kept = self._most_lines - self._lines
        if kept > 0 and self._letters <= self._most_letters and self._lines + len(oldest.lines) > self._most_lines:
            rest = replace(oldest, lines=oldest.lines[-kept:])
            self._batches.appendleft(rest)
            self._lines += len(rest.lines)
            self._letters += rest.letters


class Feed:
    """A queue of batches for one receiver, which bounds what a slow one can hold back.

    While it is full, `put` waits, so that a receiver slower than the process slows the process down. A receiver that
    takes nothing for `patience` seconds (its callback waits for something, perhaps for this very process) holds nobody
    up any longer: what comes while the queue is full is left out, and counted.
    """

    def __init__(self, *, most_letters: int = MOST_LETTERS, patience: float = PATIENCE_SECONDS) -> None:
        self._most_letters = most_letters
        self._patience = patience
        self._changed = threading.Condition(threading.Lock())
        self._batches: deque[Batch] = deque()
        self._letters = 0
        self._closed = False
        self._stalled = False
        self._left_out = 0

    def put(self, batch: Batch) -> None:
        """Queue a batch; one that comes after `close` is dropped."""
        with self._changed:
            if not self._has_room() and not self._stalled:
                self._stalled = not self._changed.wait_for(self._has_room, self._patience)
            if self._closed:
                return
            if not self._has_room():
                self._left_out += len(batch.lines)
                return
            self._batches.append(batch)
            self._letters += batch.letters
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> Batch | None:
        """Wait for the next batch; ``None`` when the feed is closed and empty, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._closed, timeout)
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._letters -= batch.letters
            self._stalled = False
            self._changed.notify_all()
            return batch

    def take_left_out(self) -> int:
        """How many lines were left out since this was last asked."""
        with self._changed:
            left_out, self._left_out = self._left_out, 0
            return left_out

    def close(self, *, discard: bool = False) -> None:
        """Accept no more; what is queued can still be taken, unless it is discarded."""
        with self._changed:
            self._closed = True
            if discard:
                self._batches.clear()
                self._letters = 0
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._closed or self._letters < self._most_letters
