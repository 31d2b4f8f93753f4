"""Which of the two families of operating systems this is, as far as files and processes go, and its processor."""

from __future__ import annotations

import os
import platform
import sys
from typing import Literal

__all__ = ["CURRENT", "System", "description", "is_native", "sleeps_exactly"]

System = Literal["posix", "windows"]

CURRENT: System = "windows" if os.name == "nt" else "posix"

_PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64"}


def description() -> str:
    """Return system, version and processor in one word, for people."""
    return platform.platform()


def is_native(processor: str, *, machine: str | None = None) -> bool:
    """Say whether programs for a processor run here without being emulated.

    Args:
        processor: As uv or Python name it, in any case; an empty one counts as native.
        machine: The processor of this machine, by default what Python says.
    """
    here = (platform.machine() if machine is None else machine).lower()
    asked = processor.lower()
    return not asked or _PROCESSORS.get(asked, asked) == _PROCESSORS.get(here, here)


def sleeps_exactly(*, system: System = CURRENT, version: tuple[int, ...] = sys.version_info[:2]) -> bool:
    """Say whether `time.sleep` can wait for less than a millisecond; elsewhere it may take 16 of them."""
    return system != "windows" or version >= (3, 11)
