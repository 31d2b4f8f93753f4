"""Every test of the logs leaves the logger as it found it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import logged
from wetlands.logger import attach_log_handler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with logged.put_back():
        yield


@pytest.fixture
def records() -> list[logging.LogRecord]:
    found: list[logging.LogRecord] = []
    attach_log_handler(found.append, logging.DEBUG)
    return found
