"""Compares the files of a prefix with what the installers wrote down."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name

from wetlands._backends.integrity.of_conda import read_conda_files
from wetlands._backends.integrity.of_pypi import read_pypi_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._backends.integrity.damage import Damage, Expected

__all__ = ["check", "has_digest"]

_BLOCK_BYTES = 1 << 20


def check(prefix: Path, *, thorough: bool = False) -> list[Damage]:
    """Find the files of a prefix that are missing or changed; nothing is run, and nothing is written.

    Files that no installer wrote down are nobody's: they are not looked at, nor are compiled Python files.

    Args:
        prefix: The folder of the environment.
        thorough: Whether contents are read and hashed; else only presence and size are looked at.

    Returns:
        The damage, in the order of the paths; nothing when all is as it was installed.
    """
    pypi, lost_lists = read_pypi_files(prefix)
    conda, damaged_records = read_conda_files(prefix)
    names = frozenset(canonicalize_name(file.package) for file in pypi)
    claimed = frozenset(file.path for file in pypi)
    expected = [*pypi, *(file for package in conda for file in package.without_replaced(prefix, names, claimed))]
    found = [*lost_lists, *damaged_records, *_damaged(expected, prefix, thorough=thorough)]
    return sorted(found, key=lambda damage: (damage.path, damage.package))


def has_digest(path: Path, algorithm: str, digest: bytes) -> bool:
    """Say whether the content of a file has a hash.

    Raises:
        OSError: It cannot be read.
    """
    hashed = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
    return hashed.digest() == digest


def _damaged(expected: list[Expected], prefix: Path, *, thorough: bool) -> Iterator[Damage]:
    for file in expected:
        if problem := _problem(file, prefix / file.path, thorough=thorough):
            yield file.damaged(problem)


def _problem(file: Expected, path: Path, *, thorough: bool) -> Literal["missing", "changed"] | None:
    try:
        state = os.lstat(path)
    except OSError:
        return "missing"
    if not stat.S_ISREG(state.st_mode):
        return None  # a link or a folder: that it is there is all that was written down
    if file.size is not None and file.size != state.st_size:
        return "changed"
    if not thorough or not file.digest or file.algorithm not in hashlib.algorithms_available:
        return None
    try:
        return None if has_digest(path, file.algorithm, file.digest) else "changed"
    except OSError:
        return "changed"
