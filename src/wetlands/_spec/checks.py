"""Checks every part of a recipe shares: types, keys, and text that is one line and no option."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wetlands._spec.secrets import masked
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["check_encodable", "check_entries", "check_flag", "check_keys", "check_text", "kind", "quoted"]

_LONGEST_TEXT = 4096  # what Linux allows for a path; far above any requirement, far below what slows a parser down
_LONGEST_QUOTE = 200
_NEAR = 0.5  # less than the usual 0.6: "pypi" is near "pip"


def quoted(text: str) -> str:
    """Quote a text of the user for an error: credentials hidden, cut when it is very long."""
    shown = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
    return repr(masked(shown))


def kind(value: object) -> str:
    """Name the type of a value for an error; never its content, which may be long or secret."""
    return "None" if value is None else f"a value of type {type(value).__name__}"


def check_text(value: object, where: str) -> str:
    """Check that a value is one line of text that no tool could take for an option.

    Args:
        value: What the user wrote.
        where: Where he wrote it, to begin the error with.

    Returns:
        The text without blanks around it.

    Raises:
        InvalidDependencyError: It is not text, empty, too long, begins with ``-`` or holds a control character.
    """
    if not isinstance(value, str):
        raise InvalidDependencyError(f"{where} must be text, not {kind(value)}.")
    text = value.strip()
    if not text:
        raise InvalidDependencyError(f"{where} is empty. Write a requirement, or remove the entry.")
    if len(text) > _LONGEST_TEXT:
        raise InvalidDependencyError(f"{where} is too long ({len(text)} characters, at most {_LONGEST_TEXT}).")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidDependencyError(
            f"{where}: {quoted(text)} holds a control character; write one line of plain text."
        )
    if text.startswith("-"):
        raise InvalidDependencyError(
            f"{where}: {quoted(text)} is an option of a tool, not a requirement. Options cannot be given here; "
            'a local package goes in "local".'
        )
    return text


def check_entries(value: object, where: str) -> tuple[object, ...]:
    """Check that a value is a list (or tuple) and return its entries, still unchecked.

    Raises:
        InvalidDependencyError: It is anything else; a lone text is told to be put in a list.
    """
    if isinstance(value, str):
        raise InvalidDependencyError(f"{where} must be a list, not a text. Write [{quoted(value)}].")
    if not isinstance(value, (list, tuple)):
        raise InvalidDependencyError(f"{where} must be a list, not {kind(value)}.")
    return tuple(value)


def check_keys(value: object, known: Collection[str], where: str) -> Mapping[str, object]:
    """Check that a value is a dict with no other keys than the known ones.

    Raises:
        InvalidDependencyError: It is no dict, or has an unknown key; the nearest known key is proposed.
    """
    if not isinstance(value, Mapping):
        raise InvalidDependencyError(f"{where} must be a dict, not {kind(value)}.")
    for key in value:
        if not isinstance(key, str):
            raise InvalidDependencyError(f"{where}: a key must be text, not {kind(key)}.")
        if key not in known:
            raise InvalidDependencyError(f"{where}: unknown key {quoted(key)}. {_advice(key, known)}")
    return value


def check_flag(value: object, where: str) -> bool:
    """Check that a value is True or False.

    Raises:
        InvalidDependencyError: It is anything else, ``1`` and ``"yes"`` included.
    """
    if not isinstance(value, bool):
        raise InvalidDependencyError(f"{where} must be True or False, not {kind(value)}.")
    return value


def check_encodable(text: str, where: str) -> str:
    """Check that a free text can be stored as UTF-8 and handed to the operating system.

    Raises:
        InvalidDependencyError: It holds a NUL character, or half of a character (a lone surrogate).
    """
    if "\0" in text or any(unicodedata.category(character) == "Cs" for character in text):
        raise InvalidDependencyError(f"{where} holds a NUL character or half of a character, which cannot be stored.")
    return text


def _advice(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key.lower()[:_LONGEST_QUOTE], list(known), n=1, cutoff=_NEAR)
    listed = ", ".join(repr(name) for name in known)
    return f"Did you mean {near[0]!r}? Known: {listed}." if near else f"Known: {listed}."
