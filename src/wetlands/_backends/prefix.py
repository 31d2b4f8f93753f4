"""The value that says where an environment lies on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._platform.layout import find_site_packages

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._platform.layout import PrefixKind

__all__ = ["Prefix", "python_version"]

_CONDA_PYTHON = re.compile(r"python-(\d[^-]*)-[^-]+\.json")
_LIBRARY_OF_VERSION = re.compile(r"python(3\.\d+)t?")


@dataclass(frozen=True)
class Prefix:
    """An environment on disk.

    Attributes:
        path: Its folder, absolute.
        python: Its interpreter. In a virtual environment this is a link, and must stay one: the file it leads to is the
            interpreter of another prefix.
        kind: ``"venv"`` or ``"conda"``.
    """

    path: Path
    python: Path
    kind: PrefixKind


def python_version(prefix: Prefix) -> str | None:
    """Return the Python version a prefix states in its own files, such as ``"3.11.7"``, without running it.

    ``"3.11"`` where only that much can be read, None where nothing can.
    """
    stated = _of_virtual_environment(prefix.path) if prefix.kind == "venv" else _of_conda_prefix(prefix.path)
    if stated:
        return stated
    folders = (folder.parent.name for folder in find_site_packages(prefix.path))
    return next((match[1] for name in folders if (match := _LIBRARY_OF_VERSION.fullmatch(name))), None)


def _read_pyvenv_cfg(prefix: Path) -> dict[str, str]:
    """Return what ``pyvenv.cfg`` says, keys in lower case; empty when there is none.

    The format is that of the ``site`` module: one ``key = value`` per line.
    """
    try:
        text = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _of_virtual_environment(prefix: Path) -> str | None:
    config = _read_pyvenv_cfg(prefix)
    # The venv module writes `version`; uv and virtualenv write `version_info`, which may end in ".final.0".
    stated = config.get("version") or config.get("version_info", "")
    match = re.match(r"\d+\.\d+(\.\d+)?((a|b|rc)\d+)?", stated)
    return match[0] if match else None


def _of_conda_prefix(prefix: Path) -> str | None:
    names = (record.name for record in sorted((prefix / "conda-meta").glob("python-*.json")))
    return next((match[1] for name in names if (match := _CONDA_PYTHON.fullmatch(name))), None)
