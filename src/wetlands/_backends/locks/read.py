"""Reads a lock: one that was written here, or a ``pixi.lock`` of any pixi."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from rattler.exceptions import ParseCondaLockError
from rattler.lock import LockFile, PypiLockedPackage

from wetlands._backends.locks.describe import conda_package
from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform
from wetlands._backends.locks.text import ENVIRONMENT, PYTHONS
from wetlands._platform.addresses import path_of
from wetlands._platform.names import current_platform
from wetlands.exceptions import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rattler.lock import Environment, LockPlatform
    from rattler.lock import LockedPackage as EnginesPackage

__all__ = ["for_this_machine", "read_lock"]

_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")
_HASH = "sha256="


def read_lock(path: Path, *, environment: str = ENVIRONMENT) -> Lock:
    """Read a lock.

    Args:
        path: The file. Local packages in it are relative to its folder.
        environment: Which of its environments. Where it has none of that name, ``"default"`` is taken.

    Raises:
        LockError: There is no such file, it is no lock, it has a newer format, or none of its environments fits.
    """
    try:
        text = path.read_text(encoding="utf-8")
        file = LockFile.from_path(path)
    except FileNotFoundError as error:
        raise LockError(path, "there is no such file") from error
    except OSError as error:
        raise LockError(path, error.strerror or str(error)) from error
    except (ParseCondaLockError, UnicodeDecodeError) as error:
        raise LockError(path, f"it cannot be read as a lock: {error}") from error
    found = _environment(file, environment, path)
    pythons = _pythons(text, path)
    try:
        platforms = tuple(
            _platform(found, place, path.absolute().parent, pythons) for place in sorted(found.platforms(), key=str)
        )
    except (ParseCondaLockError, ValueError) as error:
        raise LockError(path, f"it cannot be read as a lock: {error}") from error
    return Lock(platforms, tuple(str(channel) for channel in found.channels()), str(path))


def _environment(file: LockFile, wanted: str, path: Path) -> Environment:
    environments = dict(file.environments())
    found = environments.get(wanted) or environments.get(ENVIRONMENT)
    if found is None and len(environments) == 1:
        found = next(iter(environments.values()))
    if found is None:
        names = ", ".join(map(repr, sorted(environments))) or "none"
        raise LockError(path, f"it has no environment {wanted!r} and no {ENVIRONMENT!r} (it has: {names})")
    return found


def _pythons(text: str, path: Path) -> dict[str, str]:
    line = next((line for line in text.splitlines() if line.startswith(PYTHONS)), None)
    if line is None:
        return {}
    try:
        stored = json.loads(line.removeprefix(PYTHONS))
        return {str(platform): str(python) for platform, python in stored.items()}
    except (ValueError, AttributeError) as error:
        raise LockError(path, f"its line {PYTHONS!r} cannot be read") from error


def _platform(found: Environment, place: LockPlatform, folder: Path, pythons: dict[str, str]) -> LockedPlatform:
    packages = sorted(_packages(found, place, folder), key=lambda package: (package.name, package.kind))
    name = str(place.subdir)
    python = next((one.version for one in packages if one.kind == "conda" and one.name == "python"), "")
    return LockedPlatform(
        name,
        tuple(packages),
        python or pythons.get(name, ""),
        tuple(place.virtual_packages),
        tuple(found.conda_repodata_records_for_platform(place) or ()),
    )


def _packages(found: Environment, place: LockPlatform, folder: Path) -> Iterator[LockedPackage]:
    for record in found.conda_repodata_records_for_platform(place) or ():
        yield conda_package(record)
    listed: list[EnginesPackage] = found.packages(place) or []
    for package in listed:
        if isinstance(package, PypiLockedPackage):
            yield _pypi(package, folder)
        elif not package._package.is_conda_binary:  # noqa: SLF001 - the engine has no other word for it
            raise ValueError(f"{package.name} is to be built from source, which this library does not do")


def _pypi(package: PypiLockedPackage, folder: Path) -> LockedPackage:
    name, version, place = str(canonicalize_name(package.name)), package.version, package.location
    hashes = package._package.hashes  # noqa: SLF001 - `package.hashes` fails where there are none
    sha256 = hashes.sha256.hex() if hashes and hashes.sha256 else ""
    split = urlsplit(place)
    if split.scheme and len(split.scheme) > 1 and split.scheme != "file":
        if not sha256 and split.fragment.startswith(_HASH):
            sha256 = split.fragment.removeprefix(_HASH)
        return LockedPackage(name, version, "pypi", place, sha256=sha256)
    path = path_of(place) if split.scheme == "file" else Path(place)
    absolute = Path(os.path.normpath(folder / path))
    if absolute.name.endswith(_ARCHIVES):
        return LockedPackage(name, version, "pypi", absolute.as_uri(), sha256=sha256)
    return LockedPackage(name, version, "local", str(absolute))


def for_this_machine(lock: Lock) -> LockedPlatform:
    """Return the packages for this machine.

    Raises:
        LockError: The lock does not cover it.
    """
    found = lock.platform(current_platform())
    if found is None:
        covered = ", ".join(platform.name for platform in lock.platforms) or "none"
        raise LockError(
            Path(lock.source), f"it has nothing for this machine, which is {current_platform()} (it covers: {covered})"
        )
    return replace(found, source=lock.source)
