"""Words as the shell of the platform reads them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._platform.system import System

__all__ = ["shell_call"]


def shell_call(words: Sequence[str], *, system: System = CURRENT) -> str:
    """One line that calls a program with exactly these arguments: for POSIX shells, or for PowerShell on Windows."""
    if system == "posix":
        return shlex.join(words)
    return "& " + " ".join("'" + word.replace("'", "''") + "'" for word in words)
