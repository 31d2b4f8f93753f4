"""The credentials inside URLs: never shown, and never stored."""

from __future__ import annotations

import re

__all__ = ["masked", "without_credentials"]

# RFC 3986: the userinfo ends at the last "@" before the path. The account in git's "ssh://git@host" is no secret.
_USERINFO = re.compile(r"(?<=://)(?!git@)[^/\s'\"<>]*@")
# Conda channels carry tokens in their path: https://host/t/<token>/channel
_CHANNEL_TOKEN = re.compile(r"(?<=/t/)[^/\s]+")
_TOKEN_PART = re.compile(r"(?<=[^/:])/t/[^/\s]+(?=/)")
_REFERENCE = re.compile(r"(?:[^:@]*:)?\$\{[A-Z0-9_]+\}@")


def masked(text: str) -> str:
    """Return the text with ``***`` in place of every ``user:password`` or token of a URL."""
    return _CHANNEL_TOKEN.sub("***", _USERINFO.sub("***@", text)) if "://" in text else text


def without_credentials(text: str) -> str:
    """Return the text with every ``user:password`` or token of a URL left out; it is an address still.

    A password that is given as ``${NAME}`` is none, and stays.
    """
    if "://" not in text:
        return text
    bare = _USERINFO.sub(lambda found: found[0] if _REFERENCE.fullmatch(found[0]) else "", text)
    return _TOKEN_PART.sub("", bare)
