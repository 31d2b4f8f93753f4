"""Ends calls that take longer than they may, give no sign of life for too long, or do not stop when asked."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from wetlands._pool.examination import examine
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._pool.call import Call, Limit
    from wetlands._pool.examination import Finding
    from wetlands._pool.monitor import Monitor
    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TaskFailure

__all__ = ["Overtime"]

_JOIN_SECONDS = 5.0


class Overtime:
    """The clock of a pool. It knows no time of day: a clock that is set changes nothing.

    Args:
        silence: The seconds that a running call may go without progress, output or a log record; None: for ever.
        running: The call that a worker runs.
        condemn: Has a worker killed for a call that it still runs, which then fails so.

    Attributes:
        monitor: Tells when it is time to look.
    """

    def __init__(
        self,
        silence: float | None,
        running: Callable[[Worker], Call | None],
        condemn: Callable[[Worker, Call, TaskFailure | None], None],
    ) -> None:
        self._silence = silence
        self._running = running
        self._condemn = condemn
        self.monitor: Monitor | None = None
        self._lock = threading.Lock()
        self._trials: dict[Worker, threading.Thread] = {}

    def begins(self, worker: Worker, call: Call) -> None:
        """A worker is given a call."""
        if self._silence is not None or call.work.timeout is not None or call.forces:
            self.consider(worker, call)

    def consider(self, worker: Worker, call: Call) -> None:
        """Look at a worker when the time of its call has come."""
        overdue = call.overdue(self._silence, 0.0)
        if overdue is not None and self.monitor is not None:
            self.monitor.look_at(worker, overdue[0])

    def look(self, worker: Worker) -> float | None:
        """Look at what a worker runs; when to look again, or None. Returns at once."""
        call = self._running(worker)
        overdue = None if call is None else call.overdue(self._silence, worker.process.output.last_read)
        if call is None or overdue is None:
            return None
        when, limit = overdue
        if when > time.monotonic():
            return when
        if limit == "interrupt":
            call.forces = call.forces[1:]
            call.forced("interrupted")
            worker.interrupt(call)
            return self.look(worker)
        name = f"wetlands-overtime-{worker.process.pid}"
        thread = threading.Thread(target=self._try, args=(worker, call, limit), name=name, daemon=True)
        with self._lock:
            if worker in self._trials:
                return None
            self._trials[worker] = thread
            thread.start()
        return None

    def join(self) -> None:
        """Wait for the examinations that are under way; the workers are gone."""
        with self._lock:
            threads = list(self._trials.values())
        for thread in threads:
            thread.join(_JOIN_SECONDS)

    def _try(self, worker: Worker, call: Call, limit: Limit) -> None:
        try:
            if limit == "kill":
                call.forced("killed")
                self._condemn(worker, call, None)
                return
            finding = examine(worker)
            overdue = call.overdue(self._silence, worker.process.output.last_read)
            if overdue is not None and overdue[0] <= time.monotonic():  # else it was heard of meanwhile
                self._condemn(worker, call, self._failure(call, finding, silent=limit == "silence"))
        finally:
            with self._lock:
                self._trials.pop(worker, None)
            if self.monitor is not None and not worker.lost:
                self.monitor.look_at(worker, 0.0)

    def _failure(self, call: Call, finding: Finding, *, silent: bool) -> TaskFailure:
        limit = self._silence if silent else call.work.timeout
        what = f"no sign of life (progress, output, log) for {limit:g} s" if silent else "it ran out of its time"
        return call.failure(
            TaskFailureCategory.TIMEOUT,
            f"{what}; {finding.words}",
            traceback=finding.text,
            frames=finding.frames,
            timeout=limit,
        )
