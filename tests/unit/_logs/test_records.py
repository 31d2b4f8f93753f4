"""Records carry their attributes, and go to who should see them."""

from __future__ import annotations

import logging

import pytest

from wetlands._logs.attributes import ATTRIBUTES, records_of
from wetlands.logger import (
    enable_console_logging,
    log_environment,
    log_execution,
    log_global,
    logger,
)


class Kept(logging.Handler):
    """A handler of the program."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


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
