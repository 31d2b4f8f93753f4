"""Writes a lock as text, in the format of ``pixi.lock``.

What the engine knows about conda packages it writes itself; it cannot write the hash of a PyPI package, so that line is
added. A lock without conda packages is written here, to spare a build from PyPI the import of the engine.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform

__all__ = ["ENVIRONMENT", "PYTHONS", "lock_text"]

ENVIRONMENT = "default"
"""The environment of a lock that is written here."""

PYTHONS = "wetlands-python: "
"""Begins the line that says the Python of each platform: without conda packages the format has no place for it."""

_FORMAT = 7


def lock_text(lock: Lock, folder: Path) -> str:
    """Return a lock as text.

    Args:
        lock: The lock.
        folder: Where it is to lie: local packages are written relative to it.
    """
    pythons = {platform.name: platform.python for platform in lock.platforms if platform.python}
    if any(platform.records for platform in lock.platforms):
        text = _with_hashes(_written_by_engine(lock, folder), lock, folder)
    else:
        text = "".join(f"{line}\n" for line in _lines(lock, folder))
    return text + (f"{PYTHONS}{json.dumps(pythons, sort_keys=True)}\n" if pythons else "")


def _place(package: LockedPackage, folder: Path) -> str:
    """Return how the format says where a PyPI or local package is."""
    if package.kind != "local":
        return package.location
    try:
        relative = Path(os.path.relpath(package.location, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return Path(package.location).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def _of_pypi(platform: LockedPlatform) -> list[LockedPackage]:
    return [package for package in platform.packages if package.kind != "conda"]


def _written_by_engine(lock: Lock, folder: Path) -> str:
    from rattler.lock import LockChannel, LockFile, LockPlatform  # noqa: PLC0415 - imports the engine

    platforms = [
        LockPlatform(platform.name, virtual_packages=list(platform.virtual_packages)) for platform in lock.platforms
    ]
    file = LockFile(platforms)
    file.set_channels(ENVIRONMENT, [LockChannel(channel) for channel in lock.channels])
    for platform, place in zip(lock.platforms, platforms, strict=True):
        for record in platform.records:
            file.add_conda_package(ENVIRONMENT, place, record)
        for package in _of_pypi(platform):
            file.add_pypi_package(ENVIRONMENT, place, package.name, package.version or "0", _place(package, folder))
    with tempfile.TemporaryDirectory(prefix="wetlands-lock-") as temporary:
        path = Path(temporary, "pixi.lock")
        file.to_path(path)
        return path.read_text(encoding="utf-8")


def _with_hashes(text: str, lock: Lock, folder: Path) -> str:
    hashes = {
        _place(package, folder): package.sha256
        for platform in lock.platforms
        for package in _of_pypi(platform)
        if package.sha256
    }
    result: list[str] = []
    described = False  # the list of what each package is comes after the lists of names
    current = ""
    for line in text.splitlines():
        result.append(line)
        described = described or line == "packages:"
        if described and line.startswith("- "):
            current = str(yaml.safe_load(line)[0].get("pypi", "")) if line.startswith("- pypi:") else ""
        elif line.startswith("  version:") and current in hashes:
            result.append(f"  sha256: {json.dumps(hashes[current])}")
    return "".join(f"{line}\n" for line in result)


def _lines(lock: Lock, folder: Path) -> Iterator[str]:
    yield f"version: {_FORMAT}"
    yield "platforms:"
    for platform in lock.platforms:
        yield f"- name: {platform.name}"
        if platform.virtual_packages:
            yield "  virtual-packages:"
            yield from (f"  - {json.dumps(virtual)}" for virtual in platform.virtual_packages)
    yield "environments:"
    yield f"  {ENVIRONMENT}:"
    yield from _entries("    channels:", [f"    - url: {json.dumps(channel)}" for channel in lock.channels])
    packages: dict[str, LockedPackage] = {}
    lists = []
    for platform in lock.platforms:
        found = {_place(package, folder): package for package in _of_pypi(platform)}
        packages.update(found)
        lists += _entries(f"      {platform.name}:", [f"      - pypi: {json.dumps(place)}" for place in sorted(found)])
    yield "    packages:"
    yield from lists
    described = [line for place, package in sorted(packages.items()) for line in _described(place, package)]
    yield from _entries("packages:", described)


def _described(place: str, package: LockedPackage) -> Iterator[str]:
    yield f"- pypi: {json.dumps(place)}"
    yield f"  name: {json.dumps(package.name)}"
    yield f"  version: {json.dumps(package.version or '0')}"
    if package.sha256:
        yield f"  sha256: {json.dumps(package.sha256)}"


def _entries(title: str, lines: Iterable[str]) -> list[str]:
    """Return a list with its title; an empty one in the form that has no lines."""
    listed = list(lines)
    return [title, *listed] if listed else [f"{title} []"]
