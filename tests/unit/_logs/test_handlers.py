"""Callables and lines: receivers that cannot harm who logs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from wetlands.logger import (
    attach_log_handler,
    log_environment,
    logger,
)

if TYPE_CHECKING:
    import pytest


def test_a_callable_gets_the_records_that_its_level_and_filter_let_through() -> None:
    found: list[str] = []
    attach_log_handler(
        lambda record: found.append(record.getMessage()),
        "INFO",
        lambda record: bool(vars(record)["env_name"] == "cellpose"),
    )

    log_environment(logging.INFO, "this", env_name="cellpose")
    log_environment(logging.INFO, "not this", env_name="stardist")
    log_environment(logging.DEBUG, "nor this", env_name="cellpose")

    assert ["this"] == found


def test_a_callable_that_logs_does_not_call_itself() -> None:
    found: list[str] = []

    def log_again(record: logging.LogRecord) -> None:
        found.append(record.getMessage())
        logger.info("again")

    attach_log_handler(log_again)
    logger.info("once")

    assert ["once"] == found


def test_a_callable_may_wait_for_a_thread_that_logs() -> None:
    found: list[str] = []

    def wait_for_other(record: logging.LogRecord) -> None:
        found.append(record.getMessage())
        if record.getMessage() == "first":
            other = threading.Thread(target=logger.info, args=("from the other",))
            other.start()
            other.join(10)
            found.append(f"still running: {other.is_alive()}")

    attach_log_handler(wait_for_other)
    logger.info("first")

    assert ["first", "from the other", "still running: False"] == found


def test_a_callable_that_raises_harms_nobody(
    records: list[logging.LogRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(record: logging.LogRecord) -> None:
        raise ValueError(record.getMessage())

    handler = attach_log_handler(fail)
    attach_log_handler(records.append)
    logger.info("text")

    assert ["text", "text"] == [record.getMessage() for record in records]
    assert "ValueError: text" in capsys.readouterr().err  # as logging does it for all handlers
    logger.removeHandler(handler)
    logger.info("calm")
    assert "" == capsys.readouterr().err
