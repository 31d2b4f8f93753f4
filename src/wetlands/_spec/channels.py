"""Conda channels: their names, and where the default comes in."""

from __future__ import annotations

import re

from wetlands._spec.checks import check_entries, check_text, quoted
from wetlands.exceptions import InvalidDependencyError

__all__ = ["DEFAULT_CHANNEL", "check_channel", "parse_channels", "stored_channels"]

DEFAULT_CHANNEL = "conda-forge"
_NO_DEFAULT = "nodefaults"
# A name, a folder or an address. Blanks and parentheses occur in folders; these other signs only in mistakes.
_CHANNEL = re.compile(r"[A-Za-z0-9/.~\\][^\x00-\x1f\x7f<>\"`|*?;&$\[\]]*")


def parse_channels(value: object, where: str, *, default_wanted: bool) -> tuple[str, ...]:
    """Read the channels of a recipe, in the order they are searched.

    Args:
        value: What the user wrote.
        where: Where he wrote it, to begin the error with.
        default_wanted: Whether the default is searched even when no channel is named.

    Returns:
        The channels, each once, and the default last unless ``"nodefaults"`` is among them.

    Raises:
        InvalidDependencyError: It is no list of channels.
    """
    names = stored_channels(value, where)
    channels = [name for name in names if name != _NO_DEFAULT]
    if _NO_DEFAULT not in names and (channels or default_wanted):
        channels.append(DEFAULT_CHANNEL)
    return tuple(dict.fromkeys(channels))


def stored_channels(value: object, where: str) -> tuple[str, ...]:
    """Read a list of channels as it is.

    Raises:
        InvalidDependencyError: It is no list of channels.
    """
    return tuple(
        check_channel(check_text(entry, f"an entry of {where}"), where) for entry in check_entries(value, where)
    )


def check_channel(text: str, where: str) -> str:
    """Check the name, folder or address of a channel, and drop a slash at its end.

    Raises:
        InvalidDependencyError: It is none of these.
    """
    channel = text.rstrip("/")
    if "::" in channel or not _CHANNEL.fullmatch(channel):
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not the name, folder or address of a conda channel.")
    return channel
