"""How much of arguments is on its way at a time, to the workers of all environments of this program.

Arguments are copied into shared memory when a worker takes their call. A hundred workers that take a gigabyte each
would fill a machine that could have run the same calls one after the other. So a call whose large arguments do not fit
beside those of the calls that run waits for these: it keeps its worker, and nobody else waits for it.

Only what ends by itself is waited for: calls that may depend on this program (a stream, a call with a callable of
ours) hold nothing once they are sent, so no two calls can wait for each other here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from wetlands._platform.amounts import gigabytes
from wetlands._platform.segment import LIMIT_VARIABLE, most_in_flight
from wetlands.logger import logger
from wetlands_worker.exchange import THRESHOLD
from wetlands_worker.values import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._pool.call import Call
    from wetlands._pool.worker import Worker

__all__ = ["Flow", "flow", "log_wait", "weight_of"]

_PATIENCE = 1.0
"""Seconds until a call that waits is told of, and between two that are: a thousand may wait."""


class Flow:
    """Lets large arguments through while there is room for them, in the order in which they came.

    Args:
        limit: How many bytes may be on their way.
        patience: For how many seconds one waits until it is told of.

    Attributes:
        held: What is on its way, in bytes, by who holds it.
    """

    def __init__(self, limit: Callable[[], int] = most_in_flight, *, patience: float = _PATIENCE) -> None:
        self._limit = limit
        self._patience = patience
        self._told = -_PATIENCE
        self._room = threading.Condition()
        self._line: deque[object] = deque()
        self.held: dict[object, int] = {}

    def enter(self, holder: object, weight: int) -> bool:
        """Take room, if there is some and nobody waits for it; whether there was."""
        with self._room:
            return not self._line and self._taken(holder, weight)

    def wait(
        self,
        holder: object,
        weight: int,
        hopeless: Callable[[], bool],
        tell: Callable[[int, int], None] = lambda _held, _limit: None,
    ) -> None:
        """Take room as soon as there is some.

        Args:
            holder: Who will hold it.
            weight: How many bytes.
            hopeless: Whether it is not needed any more, which ends the wait; asked again at each `look`.
            tell: Is given what is on its way, and how much may be, when the wait takes long; once at most.
        """
        turn = object()

        def over() -> bool:
            return hopeless() or (self._line[0] is turn and self._taken(holder, weight))

        with self._room:
            self._line.append(turn)
        try:
            with self._room:
                came = self._room.wait_for(over, self._patience)
                loud = not came and self._may_tell()
                held = sum(self.held.values())
            if loud:
                tell(held, self._limit())
            if not came:
                with self._room:
                    self._room.wait_for(over)
        finally:
            with self._room:
                self._line.remove(turn)
                self._room.notify_all()

    def _may_tell(self) -> bool:
        now = time.monotonic()
        if now - self._told < self._patience:
            return False
        self._told = now
        return True

    def leave(self, holder: object) -> None:
        """Give room back; nothing happens when none was taken."""
        if holder in self.held:  # without the lock: most calls have no large arguments
            with self._room:
                self.held.pop(holder, None)
                self._room.notify_all()

    def look(self) -> None:
        """Something happened for which somebody may not want to wait any longer."""
        if self._line:
            with self._room:
                self._room.notify_all()

    def _taken(self, holder: object, weight: int) -> bool:
        # What is alone may pass in any case: the limit may have been lowered since its weight was judged.
        if self.held and sum(self.held.values()) + weight > self._limit():
            return False
        self.held[holder] = weight
        return True


flow = Flow()
"""That of this program."""


def log_wait(worker: Worker, call: Call, held: int, limit: int) -> None:
    """Tell the log that a call waits for room, for how much, and what to do about it."""
    logger.log_execution(
        logging.INFO,
        "%s waits until there is room for its arrays, %s: those of calls that run take %s of the %s that may be on "
        "their way at a time (%s says how much)",
        call.work.call_target,
        gigabytes(call.work.weight),
        gigabytes(held),
        gigabytes(limit),
        LIMIT_VARIABLE,
        env_name=worker.info.environment,
        worker_index=worker.index,
        call_target=call.work.call_target,
        task_id=call.task_id,
    )


def weight_of(buffers: Sequence[object], limit: Callable[[], int] = most_in_flight) -> int:
    """How many bytes of shared memory buffers will take; what lies in shared memory already takes none.

    Raises:
        EncodeError: They are more than may ever be on their way.
    """
    weight = sum(buffer.nbytes for buffer in buffers if isinstance(buffer, memoryview) and buffer.nbytes >= THRESHOLD)
    if not weight:
        return 0
    most = limit()
    if weight > most > 0:
        raise EncodeError(
            "what is passed",
            f"its arrays take {gigabytes(weight)} of shared memory, and at most {gigabytes(most)} may be on their way "
            f"at a time. Pass it in parts, or a file; or set {LIMIT_VARIABLE} to more, if there is so much memory",
            "arguments",
        )
    return weight if most else 0
