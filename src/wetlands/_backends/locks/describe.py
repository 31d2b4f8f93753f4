"""Says exactly what a prefix holds that was just built, whatever built it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt
from wetlands._backends.locks.installed import pypi_packages
from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform
from wetlands._backends.prefix import python_version
from wetlands._backends.uv_lock import UvLocker
from wetlands._platform.names import current_platform
from wetlands._spec import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._spec import Spec

__all__ = ["conda_package", "describe"]


def describe(spec: Spec, prefix: Path, observer: BuildObserver, *, env: Mapping[str, str], base: Path) -> Lock:
    """Return the lock of a prefix.

    Conda packages and what came from an address are known from the prefix itself. For the others uv is asked which file
    of that version fits; what it needs for the answer it has in its cache, since it just installed them.

    Args:
        spec: What it was built from: its settings say which indexes to ask.
        prefix: The prefix.
        observer: May ask to stop.
        env: The environment variables that tools work with.
        base: What relative paths of the recipe begin at.

    Raises:
        ProvisioningError: A package is not found again, or what installers wrote down is damaged.
    """
    adopted = adopt(prefix)
    records = _conda_records(adopted.path)
    found = pypi_packages(adopted)
    packages = [*(conda_package(record) for record in records), *found.known]
    if found.unknown:
        locker = UvLocker(env, base=base)
        packages += locker.files_of(found.unknown, spec, python=adopted.python, prefix=adopted.path, observer=observer)
    packages.sort(key=lambda package: (package.name, package.kind))
    python = python_version(adopted) or ""
    platform = LockedPlatform(current_platform(), tuple(packages), python, records=records)
    return Lock((platform,), tuple(dict.fromkeys(record.channel.rstrip("/") for record in records if record.channel)))


def _conda_records(prefix: Path) -> tuple[RepoDataRecord, ...]:
    if not any((prefix / "conda-meta").glob("*.json")):
        return ()
    from wetlands._backends.rattler import installed_records  # noqa: PLC0415 - imports the engine

    return tuple(installed_records(prefix))


def conda_package(record: RepoDataRecord) -> LockedPackage:
    """Return what a lock says of a conda package."""
    return LockedPackage(
        record.name.normalized,
        str(record.version),
        "conda",
        without_credentials(record.url),
        str(record.build),
        record.sha256.hex() if record.sha256 else "",
    )
