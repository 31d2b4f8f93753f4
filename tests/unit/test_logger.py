"""Records carry their attributes, nothing is installed unasked, and each log goes where it was asked to go."""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import wetlands.logger as module
from wetlands._logs.attributes import ATTRIBUTES, records_of
from wetlands._logs.records import WetlandsLogger
from wetlands.logger import (
    attach_log_handler,
    create_split_stream_handlers,
    enable_console_logging,
    enable_file_logging,
    log_environment,
    log_execution,
    log_global,
    logger,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE = 10.0


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Take away what a test has set up."""
    before, level = list(logger.handlers), logger.level
    root_handlers, root_level = list(logging.root.handlers), logging.root.level
    yield
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logging.root.handlers[:] = root_handlers
    logging.root.setLevel(root_level)


@pytest.fixture
def records() -> list[logging.LogRecord]:
    found: list[logging.LogRecord] = []
    attach_log_handler(found.append, logging.DEBUG)
    return found


class Kept(logging.Handler):
    """A handler of the program."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


# ---------------------------------------------------------------------------------------------------- records


def test_the_logger_is_the_one_that_logging_knows() -> None:
    assert logging.getLogger("wetlands") is logger


def test_every_record_has_every_attribute(records: list[logging.LogRecord]) -> None:
    logger.info("plain")

    assert dict.fromkeys(ATTRIBUTES) == {name: vars(records[0])[name] for name in ATTRIBUTES}


@pytest.mark.parametrize(
    "log,source", [(log_global, "global"), (log_environment, "environment"), (log_execution, "execution")]
)
def test_each_function_names_its_source(log: object, source: str, records: list[logging.LogRecord]) -> None:
    assert callable(log)

    log(logging.INFO, "building %s", "it", env_name="cellpose", stage="create", worker_index=2)

    found = vars(records[0])
    assert (source, "cellpose", "create", 2) == (
        found["log_source"],
        found["env_name"],
        found["stage"],
        found["worker_index"],
    )
    assert "building it" == records[0].getMessage()


def test_the_functions_are_attributes_of_the_logger_too() -> None:
    assert (logger.log_global, logger.log_environment, logger.log_execution) == (
        log_global,
        log_environment,
        log_execution,
    )


def test_a_record_says_where_it_was_logged(records: list[logging.LogRecord]) -> None:
    log_environment(logging.INFO, "here")
    logger.log_execution(logging.INFO, "here")

    assert ["test_a_record_says_where_it_was_logged"] * 2 == [record.funcName for record in records]


def test_an_attribute_that_logging_keeps_for_itself_is_left_out(records: list[logging.LogRecord]) -> None:
    log_global(logging.INFO, "text", message="other", asctime="never", anything="more")

    assert ("text", "more") == (records[0].getMessage(), vars(records[0])["anything"])


def test_an_exception_is_logged_with_its_traceback(records: list[logging.LogRecord]) -> None:
    log_global(logging.ERROR, "failed", exc_info=ValueError("reason"))

    assert records[0].exc_info is not None
    assert records[0].exc_info[0] is ValueError


def test_records_of_a_block_belong_to_its_instance(records: list[logging.LogRecord]) -> None:
    with records_of("/a"):
        logger.info("one")
        log_global(logging.INFO, "two", instance="/b")
    logger.info("three")

    assert ["/a", "/b", None] == [vars(record)["instance"] for record in records]


def test_formats_may_name_attributes_of_records_of_child_loggers(capsys: pytest.CaptureFixture[str]) -> None:
    enable_console_logging("INFO", "%(env_name)s %(message)s")

    logging.getLogger("wetlands.plugin").warning("hello")

    assert "None hello\n" == capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- levels


def test_our_handlers_follow_their_own_level_and_make_no_other_handler_noisier(
    records: list[logging.LogRecord],
) -> None:
    program = Kept()
    logging.root.setLevel(logging.WARNING)
    logging.root.addHandler(program)
    logger.addHandler(program)

    logger.debug("details")
    logger.warning("trouble")

    assert ["details", "trouble"] == [record.getMessage() for record in records]
    assert ["trouble", "trouble"] == program.messages


def test_a_level_set_on_the_logger_holds_for_all(records: list[logging.LogRecord]) -> None:
    logger.setLevel(logging.ERROR)

    logger.warning("not this")
    logger.log_lines(logging.WARNING, ["nor this"], {})
    logger.error("this")

    assert ["this"] == [record.getMessage() for record in records]


def test_logging_can_be_switched_off_as_a_whole(records: list[logging.LogRecord]) -> None:
    logging.disable(logging.INFO)
    try:
        logger.info("not this")
        logger.warning("this")
    finally:
        logging.disable(logging.NOTSET)

    assert ["this"] == [record.getMessage() for record in records]


def test_without_a_receiver_no_record_is_made() -> None:
    logging.root.setLevel(logging.WARNING)

    assert not logger.isEnabledFor(logging.INFO)


# ---------------------------------------------------------------------------------------------------- console


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


# ---------------------------------------------------------------------------------------------------- files


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


# ---------------------------------------------------------------------------------------------------- callables


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
            other.join(DEADLINE)
            assert not other.is_alive()

    attach_log_handler(wait_for_other)
    logger.info("first")

    assert ["first", "from the other"] == found


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


def test_the_front_door_is_sorted_and_complete() -> None:
    assert sorted(module.__all__) == module.__all__
    assert all(hasattr(module, name) for name in module.__all__)
    assert isinstance(module.logger, WetlandsLogger)
