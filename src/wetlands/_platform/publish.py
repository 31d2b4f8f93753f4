"""Give a finished file its name, unless another one has it: of several processes one wins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._platform.system import System

__all__ = ["publish"]


def publish(staged: Path, path: Path, *, system: System = CURRENT) -> None:
    """Give a file the name `path`, if nothing has it; `staged` may or may not be there afterwards.

    Args:
        staged: The finished file, in the same folder.
        path: The name that it shall have.
        system: The family of the operating system.

    Raises:
        FileExistsError: Something has that name.
        OSError: The folder cannot be written to, or its file system has no hard links.
    """
    if system == "windows":
        os.rename(staged, path)  # noqa: PTH104 - refuses there to replace a file; Path.rename says nothing of that
    else:
        os.link(staged, path)
