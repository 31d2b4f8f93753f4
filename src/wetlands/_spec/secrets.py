"""What must not appear in logs and errors: the credentials inside URLs."""

from __future__ import annotations

import re

__all__ = ["masked"]

# RFC 3986: the userinfo ends at the last "@" before the path. The account in git's "ssh://git@host" is no secret.
_USERINFO = re.compile(r"(?<=://)(?!git@)[^/\s'\"<>]*@")
# Conda channels carry tokens in their path: https://host/t/<token>/channel
_CHANNEL_TOKEN = re.compile(r"(?<=/t/)[^/\s]+")


def masked(text: str) -> str:
    """Return the text with ``***`` in place of every ``user:password`` or token of a URL."""
    return _CHANNEL_TOKEN.sub("***", _USERINFO.sub("***@", text)) if "://" in text else text
