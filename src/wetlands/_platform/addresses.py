"""Addresses of files on this machine, as paths."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["path_of"]


def path_of(url: str) -> Path:
    """Return the path that a ``file://`` address means."""
    from urllib.request import url2pathname  # noqa: PLC0415 - imports all of HTTP, and is rarely needed

    return Path(url2pathname(urlsplit(url).path))
