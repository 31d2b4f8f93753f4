"""Texts that the user declared to be secret: they are in no record of ours."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["forget_secrets", "hidden", "hidden_in_record", "hidden_lines", "hide_secrets", "known_secrets"]

_LEAST_LETTERS = 4  # a shorter one would blot out ordinary words
_MASK = "***"

_guard = threading.Lock()
_secrets: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None


def hide_secrets(*secrets: str) -> None:
    """Have these texts replaced by ``***`` in all that the logger "wetlands" says from now on.

    That is every line that workers, builds and commands write, and every message and traceback, whoever receives it:
    files, the console, handlers of the program. What a program prints or raises itself is its own.

    Args:
        secrets: Tokens, passwords and the like, of 4 letters at least.

    Raises:
        ValueError: One is too short, so that ordinary words would be hidden; none was added.
    """
    global _secrets, _pattern
    for secret in secrets:
        if len(secret.strip()) < _LEAST_LETTERS:
            raise ValueError(f"A secret has {_LEAST_LETTERS} letters at least; a shorter one occurs in ordinary words.")
    with _guard:
        known = _secrets | set(secrets)
        # the longest first: one may be a part of another
        pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))) if known else None
        _secrets, _pattern = known, pattern


def known_secrets() -> list[str]:
    """Return these texts, for a process of ours that writes a log too."""
    return sorted(_secrets)


def hidden(text: str) -> str:
    """Return the text without the secrets."""
    return text if _pattern is None else _pattern.sub(_MASK, text)


def hidden_lines(lines: Sequence[str]) -> Sequence[str]:
    """Return lines without the secrets."""
    return lines if _pattern is None else [hidden(line) for line in lines]


def hidden_in_record(record: logging.LogRecord) -> logging.LogRecord:
    """Take the secrets out of a record, its traceback included."""
    if _pattern is None:
        return record
    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # a message that does not fit its arguments; logging reports it when it is shown
        return record
    shown = hidden(said)
    if shown != said:
        record.msg, record.args = shown, ()
    if record.exc_info and not record.exc_text:
        traceback = logging.Formatter().formatException(record.exc_info)
        if hidden(traceback) != traceback:
            record.exc_text, record.exc_info = hidden(traceback), None
    return record


def forget_secrets() -> None:
    """Hide nothing any more; for tests."""
    global _secrets, _pattern
    with _guard:
        _secrets, _pattern = frozenset(), None
