"""The state of the logger "wetlands", put back after a test."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def put_back() -> Iterator[None]:
    """Take away the handlers and levels that the block sets up, here and at the root."""
    before, level = list(logger.handlers), logger.level
    root_handlers, root_level = list(logging.root.handlers), logging.root.level
    try:
        yield
    finally:
        for handler in set(logger.handlers) - set(before):
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logging.root.handlers[:] = root_handlers
        logging.root.setLevel(root_level)


@contextmanager
def records(level: int = logging.INFO) -> Iterator[list[logging.LogRecord]]:
    """The records of the block, as they come."""
    found: list[logging.LogRecord] = []
    handler = attach_log_handler(found.append, level)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
