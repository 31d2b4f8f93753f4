"""What becomes of each key that a config file may hold: the tables of known keys, and how they are checked."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Key", "Keys", "Use", "keys", "nearest"]

Use: TypeAlias = Literal["honoured", "about", "noted", "warned", "refused"]
"""What becomes of a key.

It is honoured; says nothing about an environment (``"about"``: a description, a task); is left out, which is logged
(``"noted"``) or logged as a warning (``"warned"``); or is an error (``"refused"``).
"""


@dataclass(frozen=True, slots=True)
class Key:
    """What becomes of one key, and why.

    Attributes:
        use: What becomes of it.
        reason: Why it is not honoured, as a sentence for the log or the error.
    """

    use: Use
    reason: str = ""


Keys: TypeAlias = "dict[str, Key]"
"""The keys a table of a config file may have; what is not among them is warned about."""


def keys(
    honoured: str = "",
    *,
    about: str = "",
    noted: Mapping[str, str] | None = None,
    warned: Mapping[str, str] | None = None,
    refused: Mapping[str, str] | None = None,
) -> Keys:
    """Make a table of known keys.

    Args:
        honoured: Their names, separated by blanks.
        about: The same.
        noted: Names, one or several separated by blanks, with the reason.
        warned: The same.
        refused: The same.
    """
    table = {name: Key("honoured") for name in honoured.split()} | {name: Key("about") for name in about.split()}
    reasons: tuple[tuple[Use, Mapping[str, str] | None], ...] = (
        ("noted", noted),
        ("warned", warned),
        ("refused", refused),
    )
    for use, group in reasons:
        for names, reason in (group or {}).items():
            table |= {name: Key(use, reason) for name in names.split()}
    return table


def nearest(name: str, known: Iterable[str]) -> str:
    """Propose the known name that is nearest to a misspelt one, as a sentence; empty when none is near."""
    near = difflib.get_close_matches(name[:200], list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
