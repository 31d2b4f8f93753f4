"""Files of bounded size, written by one or by many."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from wetlands.logger import (
    enable_file_logging,
    log_environment,
    logger,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_made_with_the_first_record(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "my.log"
    enable_file_logging(path, "INFO", "%(levelname)s %(env_name)s %(message)s")
    assert not path.parent.exists()

    logger.debug("not this")
    log_environment(logging.INFO, "été", env_name="cellpose")

    assert "INFO cellpose été\n" == path.read_text("utf-8")


def test_enabling_a_file_again_changes_it_and_writes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = enable_file_logging("my.log", "ERROR")
    second = enable_file_logging(tmp_path / "folder" / ".." / "my.log", "INFO", "%(message)s")

    logger.info("once")

    assert first is second
    assert "once\n" == (tmp_path / "my.log").read_text()


def test_a_removed_file_gets_no_more_records(tmp_path: Path) -> None:
    path = tmp_path / "my.log"
    handler = enable_file_logging(path, "INFO", "%(message)s")
    logger.info("one")
    logger.removeHandler(handler)
    handler.close()
    logger.info("two")
    enable_file_logging(path, "INFO", "%(message)s")
    logger.info("three")

    assert "one\nthree\n" == path.read_text()


def test_a_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "my.log"
    enable_file_logging(path, "INFO", "%(message)s", max_bytes=100, backup_count=2)

    for number in range(100):
        logger.info("line %03d", number)
        logger.log_lines(logging.INFO, [f"more {number:03}", f"mehr {number:03}"], {})

    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {"my.log", "my.log.1", "my.log.2"} == set(kept)
    assert all(len(text) <= 100 for text in kept.values())
    assert (kept["my.log.2"] + kept["my.log.1"] + kept["my.log"]).endswith(
        "line 098\nmore 098\nmehr 098\nline 099\nmore 099\nmehr 099\n"
    )


@pytest.mark.parametrize(
    "fmt",
    [
        None,
        "%(message)s",
        "%(task_id)s|%(message)s|%(stream)s",
        "%(message)s again %(message)s",
        "%(levelname)s without text",
        "%(message)-8s|",
        "%(message).2s",
    ],
)
@pytest.mark.parametrize("env_name", ["cellpose", "nul \0 in it"])
def test_lines_logged_at_once_look_as_if_logged_one_by_one(tmp_path: Path, fmt: str | None, env_name: str) -> None:
    lines = ["one", "", "100 %s", "nul \0 in it"]
    attributes = {"task_id": "7", "stream": "stdout", "env_name": env_name}
    at_once, singly = tmp_path / "at once.log", tmp_path / "singly.log"
    enable_file_logging(at_once, "INFO", fmt)
    enable_file_logging(singly, "INFO", fmt).addFilter(lambda _: True)  # it may look at each record

    logger.log_lines(logging.INFO, lines, attributes)

    time = len("2026-01-31 12:00:00,123") if fmt is None else 0
    assert len(lines) == len(at_once.read_text().splitlines())
    assert [line[time:] for line in singly.read_text().splitlines()] == [
        line[time:] for line in at_once.read_text().splitlines()
    ]


def test_a_filter_of_the_program_sees_each_line(tmp_path: Path) -> None:
    path = tmp_path / "my.log"
    handler = enable_file_logging(path, "INFO", "%(message)s")
    handler.addFilter(lambda record: "secret" not in record.getMessage())

    logger.log_lines(logging.INFO, ["a", "secret b", "c"], {})

    assert "a\nc\n" == path.read_text()


def test_a_file_that_cannot_be_written_is_told_once_and_harms_nobody(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    enable_file_logging(blocked / "my.log")

    logger.info("one")
    logger.info("two")

    assert ["one", "two"] == [record.getMessage() for record in records if record.levelname == "INFO"]
    (warning,) = (record for record in records if record.levelname == "WARNING")
    assert "cannot be written" in warning.getMessage()


def test_a_file_that_was_renamed_by_another_process_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wetlands._logs.files._CHECK_SECONDS", 0)
    path = tmp_path / "my.log"
    enable_file_logging(path, "INFO", "%(message)s")
    logger.info("one")
    path.rename(tmp_path / "my.log.1")
    logger.info("two")

    assert ("one\n", "two\n") == ((tmp_path / "my.log.1").read_text(), path.read_text())


def test_a_file_whose_folder_was_removed_does_not_bring_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wetlands._logs.files._CHECK_SECONDS", 0)
    path = tmp_path / "instance" / "my.log"
    enable_file_logging(path)
    logger.info("one")
    path.unlink()
    path.parent.rmdir()
    logger.info("two")

    assert not path.parent.exists()


def test_a_file_that_cannot_be_renamed_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "my.log"
    (tmp_path / "my.log.1").mkdir()
    enable_file_logging(path, "INFO", "%(message)s", max_bytes=20, backup_count=1)

    for number in range(10):
        logger.info("line %d", number)

    assert path.read_text().endswith("line 9\n")
    assert len(path.read_text()) <= 20
