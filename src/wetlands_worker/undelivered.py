"""Answers of calls whose program has gone: kept for a while, for the next program that attaches.

An answer counts as read when the program has said so, by its next call or by READ. Whether it had been received cannot
be asked of the system: a process that is killed while it waits for it may still take it from there.
"""

import time
from _thread import allocate_lock

from wetlands_worker.loans import SHARED
from wetlands_worker.pieces import Piece
from wetlands_worker.segments import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

    from wetlands_worker.exchange import Exchange, Part

    Progress = Tuple[Optional[str], object, object]
    Encoded = Tuple[bytes, Sequence[Part]]

__all__ = ["Answer", "Undelivered"]


class Answer:
    """The answer of one call, with what its function has reported since its program had gone.

    Attributes:
        task_id: The id of the task, as its own program knew it.
        head: Which module and function, as `wetlands_worker.messages.pack_target` writes it.
        asked: By which kind of frame it was asked for.
        kind: RESULT, FAILURE or CANCELED.
        body: What the frame of the answer has in it.
        parts: Its buffers.
        progress: What the function said last, as (message, current, maximum).
        outputs: Its named outputs, encoded.
        until: When it is dropped, by `time.monotonic`.
    """

    __slots__ = ("asked", "body", "head", "kind", "outputs", "parts", "progress", "task_id", "until")

    def __init__(self, task_id: str, head: bytes, asked: int, kind: int, body: bytes, parts: "Sequence[Part]") -> None:
        self.task_id = task_id
        self.head = head
        self.asked = asked
        self.kind = kind
        self.body = body
        self.parts = parts
        self.progress: "Progress" = (None, None, None)
        self.outputs: "List[Encoded]" = []
        self.until = 0.0

    def detach(self, exchange: "Optional[Exchange]") -> None:
        """Let its buffers stand by themselves: the memory that was shared with the program is not for answers now."""
        self.parts = [_own(part, exchange) for part in self.parts]


class Undelivered:
    """What one worker keeps.

    Args:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = allocate_lock()
        self._unread: "List[Tuple[int, Optional[Answer]]]" = []
        self._kept: "List[Answer]" = []
        self._progress: "Progress" = (None, None, None)
        self._outputs: "Dict[str, Encoded]" = {}

    # ---------------------------------------------------- while calls are answered

    def answering(self, number: int, answer: "Optional[Answer]") -> None:
        """The answer of a number is being sent; None: it is of a batch as a whole, and nothing for anybody else."""
        self._unread.append((number, answer))

    def read(self, number: "Optional[int]" = None) -> None:
        """The program has read the answer of this number, and all before it; without a number, all."""
        unread = self._unread
        if number is None:
            unread.clear()
            return
        for position, (of, _) in enumerate(unread):
            if of == number:
                del unread[: position + 1]
                return

    def progress(self, *said: object) -> None:
        """The running function reported progress, and nobody heard it."""
        before = self._progress
        self._progress = tuple(old if new is None else new for old, new in zip(before, said))  # type: ignore[assignment]  # three of them

    def output(self, key: str, encoded: "Encoded") -> None:
        """The running function gave an output, and nobody heard it."""
        body, parts = encoded
        self._outputs[key] = body, [_own(part, None) for part in parts]

    def hung_up(self, exchange: "Optional[Exchange]") -> None:
        """The program has gone, and the worker has come to its end of the connection.

        Args:
            exchange: The memory that was shared with it.
        """
        answers = [answer for _, answer in self._unread if answer is not None]
        self._unread = []
        until = time.monotonic() + self._seconds
        for answer in answers:
            answer.detach(exchange)
            answer.until = until
        if answers:
            answers[-1].progress, answers[-1].outputs = self._progress, list(self._outputs.values())
        with self._lock:
            self._kept.extend(answers)
        self._progress, self._outputs = (None, None, None), {}

    # --------------------------------------------------------- for the next program

    def kept(self) -> "List[Answer]":
        """What is kept now, the oldest first."""
        now = time.monotonic()
        with self._lock:
            self._kept = [answer for answer in self._kept if answer.until > now]
            return list(self._kept)

    def delivered(self, answers: "Sequence[Answer]") -> None:
        """A program has these now."""
        with self._lock:
            self._kept = [answer for answer in self._kept if answer not in answers]

    def plain(self) -> "List[Tuple[str, bytes, float]]":
        """What is kept, for people: the id of the task, its target, and for how many more seconds."""
        now = time.monotonic()
        return [(answer.task_id, answer.head, answer.until - now) for answer in self.kept()]


def _own(part: "Part", exchange: "Optional[Exchange]") -> memoryview:
    if isinstance(part, memoryview):
        return memoryview(bytes(part))  # the user's array, which a later call may change
    if isinstance(part, Piece):
        return memoryview(bytes(part.view()))
    if exchange is None:
        return memoryview(b"")
    if isinstance(part, Reference):
        length = part.announced & (SHARED - 1)
        return memoryview(exchange.segment.memory)[part.offset : part.offset + length]  # which keeps that mapped
    piece = exchange.loans.find(int.from_bytes(part.place(), "little"))
    return memoryview(b"" if piece is None else bytes(piece.view()))
