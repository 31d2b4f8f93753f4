"""PyPI requirements written as tables: those of pixi, and the sources of uv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._spec.config.keys import keys
from wetlands._spec.config.wanted import add_path, marker_text
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.draft import Draft
    from wetlands._spec.config.tables import Table

__all__ = ["PIXI_REQUIREMENT", "UV_SOURCE", "add_from", "add_table", "joined_markers"]

_LFS = "files kept with git-lfs cannot be had."
PIXI_REQUIREMENT = keys(
    "version extras index env-markers path editable url git branch tag rev subdirectory", refused={"lfs": _LFS}
)
"""The keys of an entry of pixi's ``pypi-dependencies``."""

UV_SOURCE = keys(
    "index path editable url git branch tag rev subdirectory marker",
    about="package",
    refused={
        "lfs": _LFS,
        "workspace": "members of a workspace are not known here. Name the folder with path = ...",
        "extra group": "a source for an extra or a group alone cannot be had. Use a marker.",
    },
)
"""The keys of an entry of ``[tool.uv.sources]``."""

_PLACES = ("version", "path", "url", "git")
_GIT_PLACES = ("branch", "tag", "rev")


def add_table(name: str, table: Table, draft: Draft) -> None:
    """Add an entry of pixi's ``pypi-dependencies``.

    Raises:
        InvalidDependencyError: It cannot be understood.
    """
    table.check(PIXI_REQUIREMENT, strict=True)
    extras = ",".join(table.texts("extras"))
    marker = table.text("env-markers")
    if any(place in table for place in _PLACES[1:]):
        add_from(name, extras, marker, table, draft)
        return
    text = f"{name}{f'[{extras}]' if extras else ''}{specifier(table.text('version'))}"
    marker = f" ; {marker_text(marker, table.place('env-markers'))}" if marker else ""
    draft.add_pypi(text + marker, table.where, index=table.text("index"))


def specifier(version: str) -> str:
    """Return a version of pixi as PEP 440 has it: ``*`` is any, and a bare version is exactly that one."""
    version = version.strip()
    if version == "*":
        return ""
    return f"=={version}" if version[:1].isdigit() else version


def add_from(name: str, extras: str, marker: str, table: Table, draft: Draft) -> None:
    """Add a package that a table takes from a path, an address or a repository.

    Raises:
        InvalidDependencyError: It names none of these, or several.
    """
    given = [place for place in _PLACES if place in table]
    if len(given) != 1:
        raise InvalidDependencyError(f"{table.where}: one of {', '.join(_PLACES)} is needed, not {len(given)}.")
    marker = marker_text(marker, table.where) if marker else ""
    if given == ["path"]:
        path = "/".join(filter(None, (table.text("path"), table.text("subdirectory"))))
        flag = table.flag("editable")
        add_path(path, table.where, draft, name=name, extras=extras, marker=marker, editable=flag)
        return
    address = table.text("url") if given == ["url"] else _git_address(table)
    subdirectory = f"#subdirectory={table.text('subdirectory')}" if "subdirectory" in table else ""
    wanted = f"{name}[{extras}]" if extras else name
    draft.add_pypi(f"{wanted} @ {address}{subdirectory}{f' ; {marker}' if marker else ''}", table.where)


def joined_markers(*markers: str) -> str:
    """Return the marker that holds when all of some do; empty ones always do."""
    given = [marker for marker in markers if marker]
    return given[0] if len(given) == 1 else " and ".join(f"({marker})" for marker in given)


def _git_address(table: Table) -> str:
    references = [table.text(key) for key in _GIT_PLACES if key in table]
    if len(references) > 1:
        raise InvalidDependencyError(f"{table.where}: only one of {', '.join(_GIT_PLACES)} may be given.")
    address = table.text("git")
    return f"{'' if address.startswith('git+') else 'git+'}{address}{f'@{references[0]}' if references else ''}"
