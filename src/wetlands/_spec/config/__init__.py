"""Config files of other tools turned into recipes: one reader per format, text in and values out.

Each format has a table of its keys (`keys.py`) that says what becomes of each: none is dropped in silence.
"""

from __future__ import annotations

from wetlands._spec.config.native import native_config
from wetlands._spec.config.read import Config, from_config, read_config
from wetlands._spec.config.request import Request
from wetlands._spec.config.source import Source

__all__ = ["Config", "Request", "Source", "from_config", "native_config", "read_config"]
