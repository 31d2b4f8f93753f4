"""The environment variables uv runs with: the user's settings, minus what belongs to the place we were started from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._backends.environ import scrubbed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["tool_environment"]

# https://docs.astral.sh/uv/reference/environment/ - what would make uv act elsewhere, or build something else
_ELSEWHERE = frozenset(
    {
        "UV_ENV_FILE",
        "UV_ISOLATED",
        "UV_NO_PROGRESS",  # the lines that tell of downloads; bars are shown on terminals only, which a pipe is not
        "UV_NO_EDITABLE",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_VENV_CLEAR",
        "UV_VENV_RELOCATABLE",
        "UV_VENV_SEED",
        "UV_WORKING_DIR",
        "UV_WORKING_DIRECTORY",
        # colours, in output that is logged and shown in errors
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
    }
)
_ONE_PATH = ("UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_PYTHON_INSTALL_DIR", "SSL_CERT_FILE", "SSL_CLIENT_CERT", "NETRC")
_MANY_PATHS = ("UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_EXCLUDE", "UV_FIND_LINKS", "UV_OVERRIDE")
# One less than uv's own: its pauses grow, and who has no network hears of it after 4 seconds instead of 10.
_RETRIES = "2"


def tool_environment(env: Mapping[str, str], *, cwd: Path) -> dict[str, str]:
    """Return the variables to run uv with, from another folder than ours.

    Args:
        env: Our variables.
        cwd: Our folder, which relative paths in them begin at.
    """
    settings = {name: value for name, value in scrubbed(env).items() if name.upper() not in _ELSEWHERE}
    for name in _ONE_PATH:
        if settings.get(name):
            settings[name] = str(cwd / settings[name])
    for name in _MANY_PATHS:
        if settings.get(name):
            settings[name] = _absolute_paths(settings[name], cwd)
    return {"UV_HTTP_RETRIES": _RETRIES, **settings, "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}


def _absolute_paths(value: str, cwd: Path) -> str:
    """Make the relative paths of a list absolute; what names nothing that exists (a URL) stays as it is."""
    parts = re.split(r"([\s,]+)", value)
    return "".join(str(cwd / part) if part.strip(" \t,") and (cwd / part).exists() else part for part in parts)
