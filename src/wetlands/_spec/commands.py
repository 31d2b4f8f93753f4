"""Commands of the user turned into the shell lines of one platform."""

from __future__ import annotations

from collections.abc import Mapping

from wetlands._spec.checks import check_encodable, check_entries, check_keys, kind
from wetlands.exceptions import InvalidDependencyError

__all__ = ["command_lines", "parse_commands"]

_SYSTEMS = {"linux": "linux", "osx": "mac", "win": "windows"}
_KEYS = ("all", *_SYSTEMS.values())


def parse_commands(commands: object, platform: str, where: str = "commands") -> tuple[str, ...]:
    """Choose the lines of one platform: those of ``all`` first, then the platform's own.

    Every list is checked, those of other platforms too: an error shows on the author's machine, not on a user's.

    Args:
        commands: A list of lines, a dict with ``all``, ``linux``, ``mac`` and ``windows``, or None.
        platform: The platform in conda's words.
        where: What the commands are, to begin the error with.

    Returns:
        The lines, in the order they run.

    Raises:
        InvalidDependencyError: Another type, an unknown key, or a line that is not text.
    """
    if commands is None:
        return ()
    if not isinstance(commands, Mapping):
        return command_lines(commands, where)
    known = check_keys(commands, _KEYS, where)
    lines = {key: command_lines(value, f"{where}[{key!r}]") for key, value in known.items()}
    return lines.get("all", ()) + lines.get(_SYSTEMS.get(platform.partition("-")[0], ""), ())


def command_lines(value: object, where: str) -> tuple[str, ...]:
    """Check a list of shell lines and keep it as it is.

    Raises:
        InvalidDependencyError: It is no list, or a line is no text.
    """
    return tuple(_line(entry, where) for entry in check_entries(value, where))


def _line(entry: object, where: str) -> str:
    if not isinstance(entry, str):
        raise InvalidDependencyError(f"a line of {where} must be text, not {kind(entry)}.")
    return check_encodable(entry, f"a line of {where}")
