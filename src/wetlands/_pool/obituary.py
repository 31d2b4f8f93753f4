"""What is told of a worker that died: to the log, and to the call that it ran."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wetlands.logger import logger
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from wetlands._pool.call import Call
    from wetlands._pool.worker import Worker

__all__ = ["log_death", "report_death"]


def log_death(worker: Worker, when: str) -> str:
    """Log how a worker died.

    Args:
        worker: The worker; it is killed should it still run.
        when: What it was doing, as the end of the sentence.

    Returns:
        How it died, without when.
    """
    died = f"Worker {worker.index} pid {worker.process.pid} {worker.process.autopsy()}"
    logger.log_execution(
        logging.WARNING, "%s %s", died, when, env_name=worker.info.environment, worker_index=worker.index
    )
    return died


def report_death(worker: Worker, call: Call, when: str) -> None:
    """Fail a call because its worker died, and log it."""
    message = log_death(worker, f"{when} {call.work.call_target}")
    autopsy = worker.process.autopsy()
    call.failed(
        call.failure(
            TaskFailureCategory.WORKER_DIED,
            message,
            exit_code=autopsy.exit_code,
            signal=autopsy.signal,
            traceback=autopsy.last_words,
        )
    )
