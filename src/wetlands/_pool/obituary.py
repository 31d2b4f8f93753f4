"""What is told of a worker that died: to the log, and to the call that it ran."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from wetlands.logger import logger
from wetlands_worker.failures import TaskFailureCategory

if TYPE_CHECKING:
    from wetlands._launch.autopsy import Autopsy
    from wetlands._pool.call import Call
    from wetlands._pool.worker import Worker
    from wetlands_worker.failures import TaskFailure

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
    """Fail a call because its worker died, and log it. One for which it was killed ends as was decided then."""
    if worker.condemned is not call:
        message = log_death(worker, f"{when} {call.work.call_target}")
        failure = _failure(call, message, worker.process.autopsy())
    elif worker.verdict is not None:
        log_death(worker, f"after it was killed: {worker.verdict}")
        failure = worker.verdict
    else:
        log_death(worker, f"for {call.work.call_target}, which was canceled by force")
        call.dropped()
        return
    call.failed(replace(failure, peak_memory=worker.process.autopsy().peak))


def _failure(call: Call, message: str, autopsy: Autopsy) -> TaskFailure:
    return call.failure(
        TaskFailureCategory.WORKER_DIED,
        message,
        exit_code=autopsy.exit_code,
        signal=autopsy.signal,
        traceback=autopsy.last_words,
    )
