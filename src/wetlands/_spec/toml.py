"""TOML text turned into plain values."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["toml_document"]

_READER = "tomllib" if sys.version_info >= (3, 11) else "tomli"  # the same, before it came into the standard library


def toml_document(text: str) -> dict[str, object]:
    """Read a TOML document.

    Raises:
        ValueError: It is none; the message names line and column.
        RecursionError: It is nested beyond reason.
    """
    document: dict[str, object] = import_module(_READER).loads(text)
    return document
