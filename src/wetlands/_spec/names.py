"""Names of environments: one path component that every file system can hold."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

from wetlands._spec.checks import kind
from wetlands.exceptions import InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_name"]

_LONGEST_NAME = 128  # bytes: half of what file systems hold, so that folders derived from the name fit too
_FORBIDDEN = frozenset('<>:"/\\|?*')
_UNWRITABLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, line separators
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: the superscript digits count as digits
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)


def check_name(name: object, taken: Iterable[str] = ()) -> str:
    """Check that a name can be the name of an environment, on this and on any other machine.

    Blanks, parentheses and letters of any script are fine.

    Args:
        name: The name.
        taken: The names of existing environments. The same name is accepted; one that only differs in case or in
            the way its accents are encoded is not, because some file systems cannot tell the two apart.

    Returns:
        The name, unchanged.

    Raises:
        InvalidNameError: It cannot be a name; the reason is in the message.
    """
    if isinstance(name, os.PathLike):
        raise InvalidNameError(
            "The name of an environment must be text, not a path. "
            "To open the environment in a folder, use load(name, environment_path)."
        )
    if not isinstance(name, str):
        raise InvalidNameError(f"The name of an environment must be text, not {kind(name)}.")
    problem = _problem(name)
    if problem:
        raise InvalidNameError(f"{name!r:.200} cannot be the name of an environment: {problem}.")
    twin = next((other for other in taken if other != name and _folded(other) == _folded(name)), None)
    if twin is not None:
        raise InvalidNameError(
            f"{name!r} cannot be the name of an environment: {twin!r} exists, and some file systems cannot tell "
            f"the two apart. Use {twin!r}, or another name."
        )
    return name


def _problem(name: str) -> str:
    """Say why a text is no portable path component, or nothing."""
    checks = (
        (not name, "it is empty"),
        (name in {".", ".."}, "it is a place, not a name"),
        (any(c in "/\\" for c in name), "it is a path; to open the environment in a folder, use load(name, path)"),
        (any(unicodedata.category(c) in _UNWRITABLE_CATEGORIES for c in name), "it holds a control character"),
        (any(c in _FORBIDDEN for c in name), 'it holds one of <>:"|?*, which some file systems refuse'),
        (name.endswith((".", " ")), "it ends with a dot or a blank, which Windows drops"),
        (_DEVICES.fullmatch(name) is not None, "it is the name of a device on Windows"),
        (_size(name) > _LONGEST_NAME, f"it is longer than {_LONGEST_NAME} bytes"),
    )
    return next((problem for wrong, problem in checks if wrong), "")


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
