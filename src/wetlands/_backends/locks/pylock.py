"""Reads the ``pylock.toml`` (PEP 751) in which uv says what it resolved: for one platform, the files that fit it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from wetlands._backends.locks.model import LockedPackage
from wetlands._spec import without_credentials
from wetlands._spec.toml import toml_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    Table = Mapping[str, Any]  # Any: the values of a TOML document

__all__ = ["best_wheel", "packages_of"]

_ALL = ":all:"
# https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/#manylinux
_OLDER_MANYLINUX = {"manylinux1": [2, 5], "manylinux2010": [2, 12], "manylinux2014": [2, 17]}
_NUMBERS = re.compile(r"\d+")


def packages_of(text: str, folder: Path, *, from_source: Collection[str] = ()) -> tuple[LockedPackage, ...]:
    """Return the packages that uv chose.

    Args:
        text: The document.
        folder: What its relative paths begin at.
        from_source: The packages that are never taken as a wheel; ``":all:"`` for all.

    Raises:
        ValueError: It is no such document.
    """
    document: Table = toml_document(text)
    try:
        return tuple(_package(table, folder, from_source) for table in document.get("packages", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"uv wrote a lock that cannot be understood ({error!r}).") from error


def _package(table: Table, folder: Path, from_source: Collection[str]) -> LockedPackage:
    name, version = str(canonicalize_name(table["name"])), str(table.get("version", ""))
    if directory := table.get("directory"):
        return LockedPackage(name, version, "local", _absolute(directory["path"], folder))
    if vcs := table.get("vcs"):
        place = vcs.get("url") or Path(_absolute(vcs["path"], folder)).as_uri()
        return LockedPackage(name, version, "pypi", f"git+{without_credentials(place)}#{vcs['commit-id']}")
    chosen = table.get("archive") or _file(table, name, from_source)
    place = chosen.get("url") or Path(_absolute(chosen["path"], folder)).as_uri()
    return LockedPackage(
        name,
        version or _version_in(place),
        "pypi",
        without_credentials(place),
        sha256=chosen.get("hashes", {}).get("sha256", ""),
    )


def _file(table: Table, name: str, from_source: Collection[str]) -> Table:
    wheels: list[Table] = table.get("wheels", [])
    if wheels and not ({name, _ALL} & set(from_source)):
        by_name = {_file_name(wheel): wheel for wheel in wheels}
        return by_name[best_wheel(by_name)]
    source: Table = table["sdist"]
    return source


def best_wheel(names: Iterable[str]) -> str:
    """Return the file of several that an installer prefers; all of them fit.

    Made for one platform goes before made for all, made for one Python before those for many, and newer before older:
    the order of https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/.
    """
    return max(names, key=_rank)


def _rank(name: str) -> tuple[bool, bool, list[int], list[int], list[int], str]:
    parts = name.removesuffix(".whl").split("-")
    python, abi, platform = parts[-3:]
    build = [int(number) for number in _NUMBERS.findall(parts[2])] if len(parts) > 5 else []  # noqa: PLR2004 - name-version-build-python-abi-platform
    own_abi = abi not in {"none", "abi3"}
    newest = max(map(_system, platform.split(".")))
    return (platform != "any", own_abi, [int(number) for number in _NUMBERS.findall(python)], newest, build, name)


def _system(tag: str) -> list[int]:
    """Return the version of the system that a platform tag names; of manylinux, that of its C library."""
    return _OLDER_MANYLINUX.get(tag.partition("_")[0]) or [int(number) for number in _NUMBERS.findall(tag)]


def _file_name(table: Table) -> str:
    return str(table.get("name") or unquote(urlsplit(table.get("url", "")).path or table["path"]).rpartition("/")[2])


def _version_in(place: str) -> str:
    parts = unquote(urlsplit(place).path).rpartition("/")[2].split("-")
    return parts[1] if len(parts) > 1 and place.endswith(".whl") else ""


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / path)
