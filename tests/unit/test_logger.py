"""The console, and the names that are offered."""

from __future__ import annotations

import io
import logging
import sys
from typing import TYPE_CHECKING

import pytest

import logged
import wetlands.logger as module
from wetlands._logs.records import WetlandsLogger
from wetlands.logger import (
    attach_log_handler,
    create_split_stream_handlers,
    enable_console_logging,
    log_execution,
    logger,
)

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


def test_the_console_shows_trouble_on_stderr_and_the_rest_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    enable_console_logging(logging.DEBUG, "%(levelname)s %(message)s")

    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "text")

    assert ("DEBUG text\nINFO text\n", "WARNING text\nERROR text\n") == capsys.readouterr()


def test_enabling_the_console_again_changes_it_and_shows_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    first = enable_console_logging("DEBUG")
    second = enable_console_logging("INFO", "%(message)s")

    logger.debug("details")
    logger.info("once")

    assert first == second
    assert ("once\n", "") == capsys.readouterr()


def test_a_line_shows_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    enable_console_logging()

    log_execution(logging.INFO, "loading", env_name="cellpose", worker_index=0, task_id="7", stream="stderr")

    assert capsys.readouterr().out.endswith("INFO    cellpose worker 0 task 7 stderr: loading\n")


def test_the_console_is_the_one_that_is_there_when_a_record_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    enable_console_logging("INFO", "%(message)s")
    later = io.StringIO()
    monkeypatch.setattr(sys, "stdout", later)

    logger.info("to the new one")

    assert "to the new one\n" == later.getvalue()


def test_a_program_without_a_console_can_log(monkeypatch: pytest.MonkeyPatch) -> None:
    enable_console_logging()
    monkeypatch.setattr(sys, "stdout", None)

    logger.info("nowhere")


def test_letters_that_the_console_lacks_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    enable_console_logging("INFO", "%(message)s")
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, "cp1252", newline="\n"))

    logger.info("é \U0001f41f")

    assert "é \\U0001f41f\n".encode("cp1252") == shown.getvalue()


def test_split_handlers_can_be_used_with_any_logger(capsys: pytest.CaptureFixture[str]) -> None:
    other = logging.getLogger("another program")
    other.propagate = False
    handlers = create_split_stream_handlers(logging.INFO, "%(task_id)s %(message)s")
    for handler in handlers:
        other.addHandler(handler)

    other.warning("trouble")

    assert ("", "None trouble\n") == capsys.readouterr()
    assert not set(handlers) & set(logger.handlers)
    for handler in handlers:
        other.removeHandler(handler)


def test_the_front_door_is_sorted_and_complete() -> None:
    assert sorted(module.__all__) == module.__all__
    assert all(hasattr(module, name) for name in module.__all__)
    assert isinstance(module.logger, WetlandsLogger)
