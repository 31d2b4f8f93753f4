"""The files that conda packages brought, as ``conda-meta`` lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from wetlands._backends.integrity.damage import Damage, Expected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CondaFiles", "read_conda_files"]


@dataclass(frozen=True)
class CondaFiles:
    """What one conda package brought.

    Attributes:
        package: Its name.
        files: The files.
    """

    package: str
    files: tuple[Expected, ...]

    def without_replaced(self, prefix: Path, pypi: frozenset[str], claimed: frozenset[str]) -> Iterator[Expected]:
        """Yield the files but those that a package of PyPI took the place of.

        Args:
            prefix: The folder of the environment.
            pypi: The normalised names of what was installed from PyPI.
            claimed: The files that belong to those.
        """
        metadata = [file.path for file in self.files if file.path.endswith((".dist-info/METADATA", "/PKG-INFO"))]
        gone = bool(metadata) and not any((prefix / path).exists() for path in metadata)
        replaced = gone and canonicalize_name(self.package) in pypi
        for file in self.files:
            if file.path not in claimed and not (replaced and "site-packages/" in file.path):
                yield file


def read_conda_files(prefix: Path) -> tuple[list[CondaFiles], list[Damage]]:
    """Return what the conda packages of a prefix brought, and which of their records are damaged themselves."""
    found, damaged = [], []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        files = _read(path)
        if files is not None:
            found.append(files)
        else:
            name, _, version = path.stem.rpartition("-")[0].rpartition("-")  # <name>-<version>-<build>.json
            damaged.append(Damage(name or path.stem, version, "conda", f"conda-meta/{path.name}", "changed"))
    return found, damaged


def _read(path: Path) -> CondaFiles | None:
    try:
        return _of_record(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _of_record(record: dict[str, Any]) -> CondaFiles:  # Any: whatever is stored there
    name, version = str(record["name"]), str(record["version"])
    listed = record.get("paths_data") or {}
    paths = listed.get("paths") or [{"_path": path} for path in record.get("files", ())]
    return CondaFiles(name, tuple(_expected(name, version, entry) for entry in paths))


def _expected(name: str, version: str, entry: dict[str, Any]) -> Expected:  # Any: as above
    path = str(entry["_path"])
    if entry.get("path_type") in {"softlink", "directory"}:
        return Expected(name, version, "conda", path)
    digest = entry.get("sha256_in_prefix")
    size = entry.get("size_in_bytes")
    if entry.get("prefix_placeholder"):
        size = None  # conda notes that of the file before the prefix was written into it
    else:
        digest = digest or entry.get("sha256")
    return Expected(name, version, "conda", path, size, digest=bytes.fromhex(digest or ""))
