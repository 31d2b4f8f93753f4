from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from logged import put_back, records
from wetlands._logs.secrets import forget_secrets
from wetlands.logger import enable_file_logging, hide_secrets, logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with put_back():
        yield
    forget_secrets()


def test_a_secret_is_in_no_message_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "log"
    enable_file_logging(file)
    hide_secrets("hunter22", "hunter22-and-more")
    with records() as found:
        logger.info("the token is %s, not %r", "hunter22", "other")
        logger.log_environment(logging.INFO, "hunter22-and-more", env_name="cellpose")
        try:
            int("hunter22")
        except ValueError:
            logger.exception("it failed")

    assert ["the token is ***, not 'other'", "***", "it failed"] == [record.getMessage() for record in found]
    text = file.read_text()
    assert "hunter22" not in text
    assert "'***'" in text


def test_a_secret_is_in_no_line_that_a_process_writes(tmp_path: Path) -> None:
    file = tmp_path / "log"
    enable_file_logging(file)
    hide_secrets("hunter22")
    lines = ["no secret", "a hunter22 b hunter22"]
    with records() as found:
        logger.log_lines(logging.INFO, lines, {"stream": "stdout"})

    assert ["no secret", "a *** b ***"] == [record.getMessage() for record in found]
    assert "hunter22" not in file.read_text()


def test_what_is_no_secret_is_logged_as_it_is() -> None:
    hide_secrets("hunter22")
    with records() as found:
        logger.info("%s and %d", "this", 2)

    assert ("%s and %d", ("this", 2)) == (found[0].msg, found[0].args)


@pytest.mark.parametrize("secret", ["", "abc", "   a "])
def test_a_secret_that_is_too_short_is_refused_with_all_others(secret: str) -> None:
    with pytest.raises(ValueError, match="4 letters"):
        hide_secrets("hunter22", secret)
    with records() as found:
        logger.info("hunter22")

    assert "hunter22" == found[0].getMessage()
