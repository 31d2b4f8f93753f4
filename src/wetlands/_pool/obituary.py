"""How the death of a worker is told: one line for the log, and the failure of the call that it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from wetlands._pool.call import Call
    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TaskFailure

__all__ = ["death", "obituary"]


def death(worker: Worker) -> str:
    """Which worker it was, and how it ended."""
    return f"Worker {worker.index} pid {worker.process.pid} {worker.process.autopsy()}"


def obituary(worker: Worker, call: Call) -> TaskFailure:
    """How a call fails whose worker died."""
    autopsy = worker.process.autopsy()
    return call.failure(
        TaskFailureCategory.WORKER_DIED,
        death(worker),
        exit_code=autopsy.exit_code,
        signal=autopsy.signal,
        traceback=autopsy.last_words,
    )
