"""The two files of an instance: opened with the first record, each with its own records, closed by the manager."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from wetlands._logs.instance import InstanceLogs
from wetlands.logger import enable_file_logging, log_environment, log_execution, log_global, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def open_logs(tmp_path: Path) -> Iterator[Callable[..., InstanceLogs]]:
    opened: list[InstanceLogs] = []

    def open_one(name: str = "instance", log_file_path: str | Path | None = "wetlands.log") -> InstanceLogs:
        logs = InstanceLogs(tmp_path / name, log_file_path)
        logs.open()
        opened.append(logs)
        return logs

    yield open_one
    for logs in opened:
        logs.close()


def messages(path: Path | None) -> list[str]:
    assert path is not None
    return [line.split(": ")[-1].split()[-1] for line in path.read_text().splitlines()]


def test_nothing_is_made_before_the_first_record(open_logs: Callable[..., InstanceLogs], tmp_path: Path) -> None:
    open_logs().open()

    assert [] == list(tmp_path.iterdir())


def test_lines_of_workers_and_records_of_the_manager_do_not_double(open_logs: Callable[..., InstanceLogs]) -> None:
    logs = open_logs()

    with logs.attributed():
        log_global(logging.INFO, "global")
        log_environment(logging.INFO, "environment", env_name="cellpose")
        log_execution(logging.INFO, "worker", env_name="cellpose")
        log_global(logging.DEBUG, "details")

    assert ["global", "environment"] == messages(logs.path)
    assert ["worker"] == messages(logs.environments_path)


def test_records_of_no_instance_are_for_all(open_logs: Callable[..., InstanceLogs]) -> None:
    logs = [open_logs("a"), open_logs("b")]

    logger.info("plain")

    assert [["plain"], ["plain"]] == [messages(each.path) for each in logs]


def test_two_managers_of_one_instance_write_each_record_once(open_logs: Callable[..., InstanceLogs]) -> None:
    first, second = open_logs(), open_logs()

    log_global(logging.INFO, "one", instance=first.instance)
    first.close()
    log_global(logging.INFO, "two", instance=second.instance)

    assert ["one", "two"] == messages(second.path)


def test_managers_may_share_one_file(open_logs: Callable[..., InstanceLogs], tmp_path: Path) -> None:
    shared = tmp_path / "shared.log"
    first, second = open_logs("a", shared), open_logs("b", shared)

    for logs in (first, second):
        log_global(logging.INFO, "text", instance=logs.instance)

    assert ["text", "text"] == messages(shared)


def test_a_manager_without_log_files_writes_none(open_logs: Callable[..., InstanceLogs], tmp_path: Path) -> None:
    logs = open_logs(log_file_path=None)

    log_global(logging.INFO, "text", instance=logs.instance)
    log_execution(logging.INFO, "text", instance=logs.instance)

    assert (None, None) == (logs.path, logs.environments_path)
    assert [] == list(tmp_path.iterdir())


def test_closed_files_get_no_more_records(open_logs: Callable[..., InstanceLogs]) -> None:
    before = list(logger.handlers)
    logs = open_logs()
    late = [handler for handler in logger.handlers if handler not in before]
    log_global(logging.INFO, "one", instance=logs.instance)
    logs.close()
    logs.close()
    for handler in late:  # as a thread does that was about to log
        handler.handle(logging.makeLogRecord({"msg": "late", "instance": logs.instance, "levelno": logging.INFO}))
    log_global(logging.INFO, "two", instance=logs.instance)

    assert before == logger.handlers
    assert ["one"] == messages(logs.path)


def test_logs_can_be_opened_again(open_logs: Callable[..., InstanceLogs]) -> None:
    logs = open_logs()
    log_global(logging.INFO, "one", instance=logs.instance)
    logs.close()
    logs.open()
    log_global(logging.INFO, "two", instance=logs.instance)

    assert ["one", "two"] == messages(logs.path)


def test_a_file_of_the_program_beside_those_of_the_instance_is_its_own(
    open_logs: Callable[..., InstanceLogs], tmp_path: Path
) -> None:
    logs = open_logs()
    handler = enable_file_logging(tmp_path / "mine.log", "INFO", "%(message)s")

    log_execution(logging.INFO, "line", instance=logs.instance)
    logger.removeHandler(handler)
    handler.close()

    assert ["line"] == messages(tmp_path / "mine.log") == messages(logs.environments_path)
