"""What the verbs of a manager know of the environments they are handed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.prefix import Prefix
from wetlands.external_environment import ExternalEnvironment

if TYPE_CHECKING:
    from wetlands.environment import Environment

__all__ = ["MAIN", "prefix_of"]

MAIN = "wetlands_main"
"""The name of the environment that the program itself runs in."""


def prefix_of(environment: Environment) -> Prefix:
    """Return where an environment lies; for the main one, where this program's Python does."""
    if isinstance(environment, ExternalEnvironment):
        return environment.prefix
    path = Path(sys.prefix) if environment.path is None else environment.path
    return Prefix(path, Path(sys.executable), "conda" if (path / "conda-meta").is_dir() else "venv")
