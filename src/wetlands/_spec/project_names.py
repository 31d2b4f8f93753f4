"""The name of a package in a folder or an archive, where its files tell it without being run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from wetlands._spec.toml import toml_document

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["archive_name", "project_name"]

_IN_SETUP = re.compile(r"\bname\s*=\s*(['\"])([A-Za-z0-9._-]+)\1")


def archive_name(file_name: str) -> str:
    """Return the name of the package in a wheel or source archive, by that of the file; empty when it is neither."""
    try:
        return parse_wheel_filename(file_name)[0]
    except InvalidWheelFilename:
        pass
    try:
        return parse_sdist_filename(file_name)[0]
    except InvalidSdistFilename:
        return ""


def project_name(folder: Path) -> str:
    """Return the name of the project in a folder; empty when its files do not tell it."""
    readers = (("pyproject.toml", _in_pyproject), ("setup.cfg", _in_setup_cfg), ("setup.py", _in_setup_py))
    for file, read in readers:
        try:
            name = read((folder / file).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue  # missing or unreadable: the next one may tell
        if name:
            return name
    return ""


def _in_pyproject(text: str) -> str:
    document = toml_document(text)
    for path in (("project",), ("tool", "poetry"), ("tool", "flit", "metadata")):
        table: object = document
        for key in path:
            table = table.get(key) if isinstance(table, dict) else None
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str):
            return name
    return ""


def _in_setup_cfg(text: str) -> str:
    import configparser  # noqa: PLC0415 - few projects keep their name there

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ""
    return parser.get("metadata", "name", fallback="")


def _in_setup_py(text: str) -> str:
    found = _IN_SETUP.search(text)
    return found[2] if found else ""
