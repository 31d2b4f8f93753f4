"""A folder to run uv in, so that no project around it has a say."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["neutral_folder"]


@contextmanager
def neutral_folder(parent: Path | None = None) -> Iterator[Path]:
    """Give a folder whose settings are empty, so that uv looks for none in the folders around it.

    uv reads ``uv.toml`` and ``pyproject.toml`` of the nearest parent folder that has one, and the instance of a program
    usually lies inside its project. ``--no-config`` would turn off the user's own settings too.

    Args:
        parent: Where to make it. In a prefix that is being built it is swept with the rest, should this process die.
            By default among the temporary files.
    """
    folder = Path(tempfile.mkdtemp(prefix=".wetlands-", dir=parent))
    try:
        for name in ("uv.toml", "pyproject.toml"):
            (folder / name).touch()
        yield folder
    finally:
        # A virus scanner may hold a file for a moment on Windows: what is left then is a few bytes.
        shutil.rmtree(folder, ignore_errors=True)
