"""The files that packages from PyPI and local ones brought, as ``*.dist-info/RECORD`` lists them."""

from __future__ import annotations

import base64
import csv
import os
from typing import TYPE_CHECKING

from wetlands._backends.integrity.damage import Damage, Expected
from wetlands._platform.layout import find_site_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["read_pypi_files"]

_FIELDS = 3  # path, hash, size


def read_pypi_files(prefix: Path) -> tuple[list[Expected], list[Damage]]:
    """Return what the packages of a prefix brought that conda did not install, and which of their lists are missing."""
    found: list[Expected] = []
    damaged: list[Damage] = []
    for site_packages in find_site_packages(prefix):
        for folder in sorted(site_packages.glob("*.dist-info")):
            if folder.name.startswith("~") or _installer(folder) == "conda":
                continue
            name, _, version = folder.name.removesuffix(".dist-info").partition("-")
            try:
                found += _of_record(folder / "RECORD", name, version, prefix)
            except (OSError, ValueError, csv.Error):
                path = (folder / "RECORD").relative_to(prefix).as_posix()
                there = (folder / "RECORD").exists()
                damaged.append(Damage(name, version, "pypi", path, "changed" if there else "missing"))
    return found, damaged


def _of_record(record: Path, name: str, version: str, prefix: Path) -> Iterator[Expected]:
    site_packages = record.parent.parent
    own = f"{record.parent.name}/RECORD"
    with record.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            # Compiled files are made anew by whoever runs the program.
            if row and row[0] != own and not row[0].endswith((".pyc", ".pyo")):
                yield _expected(row, name, version, site_packages, prefix)


def _expected(row: Sequence[str], name: str, version: str, site_packages: Path, prefix: Path) -> Expected:
    path, hashed, size = [*row, "", ""][:_FIELDS]
    where = os.path.relpath(os.path.normpath(site_packages / path), prefix).replace(os.sep, "/")
    algorithm, _, encoded = hashed.partition("=")
    digest = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    return Expected(name, version, "pypi", where, int(size) if size else None, algorithm or "sha256", digest)


def _installer(folder: Path) -> str:
    try:
        return (folder / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
