"""Managers that build with the fake backend; the folders of tests of the manager import these in their conftest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend
from wetlands._backends.choose import Choice
from wetlands.environment_manager import EnvironmentManager
from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def new_manager(tmp_path: Path, backend: FakeBackend) -> Iterator[Callable[[], EnvironmentManager]]:
    """Makes managers of one instance folder that build with the fake backend."""
    made = []

    def make() -> EnvironmentManager:
        manager = EnvironmentManager(tmp_path / "instance (ü)")
        manager._workshop._choose = lambda spec, **options: Choice(backend, "it is a test")
        made.append(manager)
        return manager

    yield make
    for manager in made:
        manager.exit()


@pytest.fixture
def manager(new_manager: Callable[[], EnvironmentManager]) -> EnvironmentManager:
    return new_manager()


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []
    handler = attach_log_handler(found.append, logging.DEBUG)
    yield found
    logger.removeHandler(handler)
