"""Which of the two families of operating systems this is, as far as files and processes go."""

from __future__ import annotations

import os
from typing import Literal

__all__ = ["CURRENT", "System"]

System = Literal["posix", "windows"]

CURRENT: System = "windows" if os.name == "nt" else "posix"
