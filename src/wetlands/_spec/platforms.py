"""The platforms a requirement may be limited to, in conda's words."""

from __future__ import annotations

import difflib

from wetlands._spec.checks import check_entries, check_text, quoted
from wetlands.exceptions import InvalidDependencyError

__all__ = ["PLATFORMS", "parse_platforms"]

PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64", "win-arm64")
_ALIASES = {"linux-arm64": "linux-aarch64"}


def parse_platforms(value: object, where: str) -> tuple[str, ...]:
    """Check a platform filter.

    Args:
        value: What the user wrote.
        where: Where he wrote it, to begin the error with.

    Returns:
        The platforms under conda's names, sorted, each once.

    Raises:
        InvalidDependencyError: It is no list, empty, or names an unknown platform; the known ones are listed.
    """
    names = {_platform(entry, where) for entry in check_entries(value, where)}
    if not names:
        raise InvalidDependencyError(f"{where} is empty, which excludes every machine. Name a platform, or remove it.")
    return tuple(sorted(names))


def _platform(entry: object, where: str) -> str:
    text = check_text(entry, f"an entry of {where}")
    name = _ALIASES.get(text, text)
    if name in PLATFORMS:
        return name
    near = difflib.get_close_matches(text, PLATFORMS, n=1)
    advice = f"Did you mean {near[0]!r}? " if near else ""
    raise InvalidDependencyError(f"{where}: unknown platform {quoted(text)}. {advice}Known: {', '.join(PLATFORMS)}.")
