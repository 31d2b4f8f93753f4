"""To whom a file or folder belongs, and who else may use it."""

from __future__ import annotations

import os
import stat

__all__ = ["open_to_others", "somebody_elses"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _own_number() -> int | None:
    """The number of the user whom this process acts for; None where files have no such number (Windows)."""
    ask = getattr(os, "geteuid", None)
    return None if ask is None else int(ask())


def somebody_elses(found: os.stat_result) -> bool:
    """Say whether a file or folder belongs to another user; on Windows that is not told by its numbers."""
    own = _own_number()
    return own is not None and found.st_uid != own


def open_to_others(found: os.stat_result) -> bool:
    """Say whether other users may do anything with it, by its mode; on Windows a mode says nothing of others."""
    return _own_number() is not None and bool(found.st_mode & _OTHERS)
