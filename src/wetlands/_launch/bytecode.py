"""Where the bytecode of the worker package is kept when Python would keep none.

Each start of a worker would compile the package anew, which takes longer than all the rest, where the installation
cannot be written to, or ``PYTHONDONTWRITEBYTECODE`` is set as in many containers. The folder is our own and holds our
package only: what else is imported follows what the user has said.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wetlands._launch.command import WORKER_PACKAGE
from wetlands._platform.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["bytecode_folder"]


def bytecode_folder(
    variables: Mapping[str, str], *, package: Path = WORKER_PACKAGE, cache: Path | None = None
) -> Path | None:
    """The folder for the bytecode of the worker package, or None: Python keeps it beside the package.

    Args:
        variables: The environment variables of the workers.
        package: The folder of the package.
        cache: The folder for caches of the user, by default that of the system.
    """
    beside = package / "__pycache__"
    writable = os.access(beside if beside.exists() else package, os.W_OK)
    if writable and not variables.get("PYTHONDONTWRITEBYTECODE"):
        return None
    return (cache_folder(variables) if cache is None else cache) / "wetlands" / "bytecode"
