"""Where each system keeps what can be made anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wetlands._platform.system import System

__all__ = ["cache_folder"]


def cache_folder(variables: Mapping[str, str], *, system: System = CURRENT, platform: str = sys.platform) -> Path:
    """The folder for what can be made anew, as each system has it.

    Args:
        variables: The environment variables.
        system: The family of the operating system.
        platform: The system itself.
    """
    if system == "windows":
        return Path(variables.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(variables.get("XDG_CACHE_HOME") or Path.home() / ".cache")
