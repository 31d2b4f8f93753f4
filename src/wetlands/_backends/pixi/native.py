"""A manifest of the user, made ready to lie in another folder: the paths in it lead where they led before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wetlands._spec.local import absolute_path

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.pixi.manifest import Document
    from wetlands._spec.pixi_manifest import PixiManifest

__all__ = ["installs_pypi", "moved"]

_PACKAGES = frozenset(
    {"dependencies", "host-dependencies", "build-dependencies", "pypi-dependencies", "dev", "find-links"}
)


def moved(manifest: PixiManifest, base: Path) -> Document:
    """Return the document with its relative paths made absolute: of packages, lists of packages, scripts, channels.

    Args:
        manifest: The manifest.
        base: The folder it lay in.
    """
    document = _moved(json.loads(manifest.document), base)
    return document if isinstance(document, dict) else {}


def installs_pypi(manifest: PixiManifest) -> bool:
    """Say whether the manifest may name packages of PyPI, in any of its environments."""
    return '"pypi-dependencies"' in manifest.document or '"project": {' in manifest.document


def _moved(value: object, base: Path, key: str = "") -> object:
    if isinstance(value, list):
        return [_entry(one, base, key) for one in value]
    if not isinstance(value, dict):
        return value
    if key in _PACKAGES:
        return {name: _package(entry, base) for name, entry in value.items()}
    return {name: _moved(entry, base, name) for name, entry in value.items()}


def _entry(value: object, base: Path, key: str) -> object:
    if isinstance(value, str) and key == "scripts":
        return str(absolute_path(base, value))
    if key == "channels":
        return _channel(value, base)
    if key in _PACKAGES:
        return _package(value, base)
    return _moved(value, base)


def _package(value: object, base: Path) -> object:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return value
    return {**value, "path": str(absolute_path(base, value["path"]))}


def _channel(value: object, base: Path) -> object:
    if isinstance(value, dict):
        return {**value, "channel": _channel(value.get("channel"), base)}
    is_path = isinstance(value, str) and value.startswith((".", "/")) and "://" not in value
    return absolute_path(base, str(value)).as_uri() if is_path else value
