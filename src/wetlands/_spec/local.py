"""Local packages: folders of this machine that hold a Python project."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.checks import check_encodable, check_entries, check_flag, check_keys, check_text, kind, quoted
from wetlands._spec.project_names import archive_name, project_name
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LocalRequirement",
    "absolute_path",
    "local_from_json",
    "local_package",
    "parse_local",
    "recorded_path",
]

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class LocalRequirement:
    """A package in a folder or an archive (wheel, source archive) of this machine.

    Attributes:
        name: Its normalised name (PEP 503).
        path: Its folder or archive with forward slashes. Relative to the base of the recipe when it is below it or was
            written as a relative path, so that a program that is moved as a whole keeps its recipe; absolute otherwise.
        editable: Whether edits of its sources are seen without installing anew.
        extras: Its extras, normalised and sorted.
        marker: When it is wanted (PEP 508), for the installer to evaluate; empty for always.
    """

    name: str
    path: str
    editable: bool = True
    extras: tuple[str, ...] = ()
    marker: str = ""

    @property
    def text(self) -> str:
        """The requirement for people."""
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.wanted} at {self.path}{' (editable)' if self.editable else ''}{marker}"

    @property
    def wanted(self) -> str:
        """The name with the extras."""
        return f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name

    def to_json(self) -> dict[str, object]:
        """The requirement as JSON values."""
        plain: dict[str, object] = {"name": self.name, "path": self.path, "editable": self.editable}
        if self.extras:
            plain["extras"] = list(self.extras)
        if self.marker:
            plain["marker"] = self.marker
        return plain

    def folder(self, base: Path) -> Path:
        """The folder on this machine.

        Args:
            base: The folder the recipe was parsed with.
        """
        return absolute_path(base, self.path)


def parse_local(value: object, base: Path, where: str) -> LocalRequirement:
    """Read a local package, and look whether its folder holds a project.

    Args:
        value: What the user wrote.
        base: What a relative path begins at.
        where: Where he wrote it, to begin the error with.

    Raises:
        InvalidDependencyError: No dict, an unknown key, no name or path, no such folder, or no project file in it.
    """
    entry = check_keys(value, ("name", "path", "editable"), where)
    for key in ("name", "path"):
        if key not in entry:
            raise InvalidDependencyError(f'{where} has no "{key}". Write {{"name": "package", "path": "folder"}}.')
    name = _name(entry["name"], f'"name" of {where}')
    path = _path(entry["path"], f'"path" of {where}')
    editable = check_flag(entry.get("editable", True), f'"editable" of {where}')
    folder = absolute_path(base, path)
    _check_project(folder, f'"path" of {where}')
    return LocalRequirement(name, recorded_path(folder, base, relative=not Path(path).is_absolute()), editable)


def local_from_json(value: object) -> LocalRequirement:
    """Read a stored local package; its folder may be gone since.

    Raises:
        InvalidDependencyError: It is no stored local package.
    """
    where = 'a stored "local" entry'
    entry = check_keys(value, ("name", "path", "editable", "extras", "marker"), where)
    return LocalRequirement(
        _name(entry.get("name"), f'"name" of {where}'),
        _path(entry.get("path"), f'"path" of {where}'),
        check_flag(entry.get("editable"), f'"editable" of {where}'),
        tuple(_name(extra, f'"extras" of {where}') for extra in check_entries(entry.get("extras", ()), where)),
        check_text(entry["marker"], f'"marker" of {where}') if "marker" in entry else "",
    )


def local_package(
    path: str,
    base: Path,
    where: str,
    *,
    name: str = "",
    editable: bool = False,
    extras: Iterable[str] = (),
    marker: str = "",
) -> LocalRequirement:
    """Make a requirement of a folder or an archive, whose name is looked up there unless it is given.

    Raises:
        InvalidDependencyError: It is neither, or its name cannot be told.
    """
    check_encodable(path, where)
    place = absolute_path(base, path)
    if os.path.isfile(place):  # noqa: PTH113 - answers False where Path raises
        name = name or archive_name(place.name)
        if not name or editable:
            problem = "a file cannot be editable" if name else "the name of the file is not that of a package"
            raise InvalidDependencyError(f"{where}: {quoted(path)}: {problem}.")
    else:
        _check_project(place, where)
        name = name or project_name(place)
        if not name:
            raise InvalidDependencyError(
                f"{where}: {quoted(path)}: its project files do not tell its name. Write {quoted('name @ ' + path)}."
            )
    recorded = recorded_path(place, base, relative=not Path(path).is_absolute())
    wanted = tuple(sorted({_name(extra, where) for extra in extras}))
    return LocalRequirement(_name(name, where), recorded, editable, wanted, marker)


def _name(value: object, where: str) -> str:
    text = check_text(value, where)
    if not _NAME.fullmatch(text):
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not the name of a package (letters, digits, '-_.').")
    return canonicalize_name(text)


def _path(value: object, where: str) -> str:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise InvalidDependencyError(f"{where} must be text or a Path, not {kind(value)}.")
    if not path.strip():
        raise InvalidDependencyError(f"{where} is empty. Name the folder of the project.")
    return check_encodable(path, where)


def absolute_path(base: Path, path: str) -> Path:
    """Return the path without ``.`` and ``..``; links are not followed."""
    return Path(os.path.normpath(base.absolute() / path))


def _check_project(folder: Path, where: str) -> None:
    # os.path, not Path: these answer False where Path raises (a name too long, a folder that may not be entered)
    if not os.path.isdir(folder):  # noqa: PTH112
        found = "a file" if os.path.exists(folder) else "nothing"  # noqa: PTH110
        raise InvalidDependencyError(f"{where}: {quoted(str(folder))} is not a folder ({found} is there).")
    if not any(os.path.isfile(folder / file) for file in _PROJECT_FILES):  # noqa: PTH113
        raise InvalidDependencyError(
            f"{where}: {quoted(str(folder))} holds none of {', '.join(_PROJECT_FILES)}, so it cannot be installed. "
            "Name the folder of the project, not that of its sources."
        )


def recorded_path(folder: Path, base: Path, *, relative: bool) -> str:
    """Return how a path is stored: relative to the base when it lies below it or was written so."""
    root = Path(os.path.normpath(base.absolute()))
    if folder.is_relative_to(root):
        return folder.relative_to(root).as_posix()
    if relative:
        try:
            return Path(os.path.relpath(folder, root)).as_posix()
        except ValueError:  # another drive
            pass
    return folder.as_posix()
