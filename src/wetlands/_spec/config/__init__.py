"""Config files of other tools turned into recipes: one reader per format, text in and values out.

Each format has a table of its keys (`keys.py`) that says what becomes of each: none is dropped in silence.
"""

from __future__ import annotations

from wetlands._spec.config.read import Config, read_config
from wetlands._spec.config.request import Request, check_optional, project_folder
from wetlands._spec.config.source import Source, read_text

__all__ = ["Config", "Request", "Source", "check_optional", "project_folder", "read_config", "read_text"]
