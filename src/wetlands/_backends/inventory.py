"""Lists what is installed in a prefix by reading what the installers wrote down."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal, TypedDict

from wetlands._platform.layout import find_site_packages
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._backends.prefix import Prefix

__all__ = ["InstalledPackage", "installed_packages"]

_METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}


class InstalledPackage(TypedDict):
    """One package, as its installer wrote it down."""

    name: str
    version: str
    kind: Literal["conda", "pypi"]


def installed_packages(prefix: Prefix) -> list[InstalledPackage]:
    """Return the packages of a prefix in the order of their names, without running anything.

    A Python package that conda installed is reported once, as ``"conda"``; one that was later replaced by another
    version from PyPI is reported once, as ``"pypi"``. What a virtual environment sees of its base interpreter
    (``--system-site-packages``) is not in it and not listed.

    Raises:
        ProvisioningError: What conda wrote down cannot be read.
    """
    conda = [_read_conda_record(path) for path in sorted((prefix.path / "conda-meta").glob("*.json"))]
    of_conda = {prefix.path / file for record in conda for file in record.metadata_files}
    pypi = [
        package
        for metadata in _metadata_files(prefix)
        if metadata not in of_conda and not _installed_by_conda(metadata)
        if (package := _read_metadata(metadata)) is not None
    ]
    replacing = {_normalized(package["name"]) for package in pypi}
    kept = [record.package for record in conda if not record.replaced_by(replacing, prefix.path)]
    return sorted([*kept, *pypi], key=lambda package: (_normalized(package["name"]), package["kind"]))


class _CondaRecord:
    def __init__(self, package: InstalledPackage, metadata_files: tuple[str, ...]) -> None:
        self.package = package
        self.metadata_files = metadata_files

    def replaced_by(self, names: set[str], prefix: Path) -> bool:
        """Say whether an installer of PyPI packages removed the Python part of this package and put its own there."""
        gone = bool(self.metadata_files) and not any((prefix / file).exists() for file in self.metadata_files)
        return gone and _normalized(self.package["name"]) in names


def _read_conda_record(path: Path) -> _CondaRecord:
    """Read one ``conda-meta/<name>-<version>-<build>.json`` (conda's PrefixRecord)."""
    try:
        record = json.loads(path.read_bytes())
        package = InstalledPackage(name=str(record["name"]), version=str(record["version"]), kind="conda")
        files = tuple(
            str(file) for file in record.get("files", ()) if str(file).endswith((".dist-info/METADATA", "/PKG-INFO"))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProvisioningError(
            f"{path} cannot be read as a record of an installed conda package ({type(error).__name__}: {error}). "
            "The environment is damaged: build it anew."
        ) from error
    return _CondaRecord(package, files)


def _metadata_files(prefix: Prefix) -> Iterator[Path]:
    for site_packages in find_site_packages(prefix.path):
        for folder in sorted(site_packages.iterdir()):
            name = _METADATA.get(folder.suffix)
            # pip names what it is about to delete "~...", and leaves it behind when it is interrupted.
            if name is not None and not folder.name.startswith("~") and (folder / name).is_file():
                yield folder / name


def _installed_by_conda(metadata: Path) -> bool:
    try:
        return (metadata.parent / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip() == "conda"
    except OSError:
        return False


def _read_metadata(path: Path) -> InstalledPackage | None:
    """Read the two fields we need of a core metadata file; its headers end at the first empty line."""
    found: dict[str, str] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, colon, value = line.partition(":")
            if not colon and not line.strip():
                break
            found.setdefault(key.strip().lower(), value.strip())
    if "name" not in found or "version" not in found:
        return None
    return InstalledPackage(name=found["name"], version=found["version"], kind="pypi")


def _normalized(name: str) -> str:
    """Return the name as PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()
