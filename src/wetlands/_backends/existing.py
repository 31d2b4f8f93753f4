"""Adopts an environment that somebody else made: a virtual environment, a conda prefix or a pixi workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from wetlands._backends.prefix import Prefix, python_version
from wetlands._platform.layout import prefix_of_python, pythons
from wetlands._spec.python import OLDEST_PYTHON
from wetlands.exceptions import EnvironmentNotFoundError, ProvisioningError, UnsupportedPythonError

if TYPE_CHECKING:
    from wetlands._platform.layout import PrefixKind

__all__ = ["CHOICE", "adopt", "adopt_conda", "environment_folder", "has_environment"]

_DEFAULT = "default"
_PIXI_MANIFESTS = ("pixi.toml", "pyproject.toml", "mojoproject.toml")
_SHOWN_ENTRIES = 8
CHOICE = "wetlands-environment"
"""The file in ``.pixi`` of a workspace made here that says which of its environments is meant."""


def adopt(path: Path, *, pixi_environment: str = _DEFAULT) -> Prefix:
    """Open an environment without changing or running anything in it.

    Args:
        path: The folder of a virtual environment or of a conda prefix, the interpreter of one, or a pixi workspace (its
            folder or its manifest) whose environment was installed.
        pixi_environment: Which environment of a pixi workspace.

    Raises:
        EnvironmentNotFoundError: There is none; the sentence says what was found.
        UnsupportedPythonError: Its Python is older than 3.8.
    """
    # Made absolute without following links: somebody may switch a link to another environment later.
    asked = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - Path.resolve() would follow them
    prefix = _prefix_at(_folder_at(asked, pixi_environment), asked)
    version = python_version(prefix)
    if version is not None and Version(version) < Version(OLDEST_PYTHON):
        raise UnsupportedPythonError(
            f"The environment {prefix.path} has Python {version}, and workers need {OLDEST_PYTHON} or newer. "
            "Make it anew with a newer Python."
        )
    return prefix


def adopt_conda(path: Path) -> Prefix:
    """Open an environment that conda packages shall be added to.

    Raises:
        EnvironmentNotFoundError: There is none.
        ProvisioningError: It is a virtual environment.
    """
    adopted = adopt(path)
    if adopted.kind != "conda":
        raise ProvisioningError(
            f"{adopted.path} is a virtual environment, to which conda packages cannot be added. Build it anew with "
            'update(...) or create(..., replace_existing=True) and a recipe that has "conda".'
        )
    return adopted


def environment_folder(path: Path) -> Path:
    """Return the folder of an environment's files, which may be in any state: that of a workspace lies inside it.

    Raises:
        EnvironmentNotFoundError: There is none.
    """
    return _folder_at(path, _DEFAULT)


def has_environment(path: Path, name: str) -> bool:
    """Say whether a path is a pixi workspace, or its manifest, with an installed environment of a name."""
    root = path.parent if path.name in _PIXI_MANIFESTS else path
    return (root.expanduser() / ".pixi" / "envs" / name / "conda-meta").is_dir()


def _folder_at(asked: Path, pixi_environment: str) -> Path:
    """Return the folder of the environment that a path means."""
    if asked.is_file():
        if asked.name in _PIXI_MANIFESTS:
            return _of_workspace(asked.parent, asked, pixi_environment)
        return prefix_of_python(asked)
    if not asked.is_dir():
        parent = next((folder for folder in asked.parents if folder.is_dir()), asked)
        raise EnvironmentNotFoundError(
            f"There is no environment at {asked}: the path does not exist ({parent} does). Check the path, or use "
            "create(...) to make an environment."
        )
    if _kind_of(asked) is None and (asked / ".pixi").is_dir():
        return _of_workspace(asked, asked, pixi_environment)
    return asked


def _of_workspace(workspace: Path, asked: Path, environment: str) -> Path:
    installed = workspace / ".pixi" / "envs"
    for name in (environment, _chosen(workspace) if environment == _DEFAULT else ""):
        if name and (installed / name).is_dir():
            return installed / name
    names = sorted(entry.name for entry in installed.iterdir() if entry.is_dir()) if installed.is_dir() else []
    raise EnvironmentNotFoundError(
        f"The pixi workspace of {asked} has no installed environment {environment!r} "
        f"(installed: {', '.join(names) or 'none'}). Run `pixi install` in {workspace} first."
    )


def _chosen(workspace: Path) -> str:
    try:
        return (workspace / ".pixi" / CHOICE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _kind_of(folder: Path) -> PrefixKind | None:
    if (folder / "pyvenv.cfg").is_file():
        return "venv"
    return "conda" if (folder / "conda-meta").is_dir() else None


def _prefix_at(folder: Path, asked: Path) -> Prefix:
    kind = _kind_of(folder)
    if kind is None:
        raise EnvironmentNotFoundError(
            f"{asked} is no environment: {folder} has neither pyvenv.cfg (a virtual environment) nor conda-meta "
            f"(a conda prefix); {_contents(folder)}. Name the folder that holds one of them."
        )
    candidates = pythons(folder, kind)
    python = next((candidate for candidate in candidates if candidate.is_file()), None)
    if python is None:
        raise EnvironmentNotFoundError(_without_python(folder, kind, candidates))
    return Prefix(folder, python, kind)


def _without_python(folder: Path, kind: PrefixKind, candidates: tuple[Path, ...]) -> str:
    dangling = next((candidate for candidate in candidates if candidate.is_symlink()), None)
    if dangling is not None:
        return (
            f"The environment {folder} is broken: {dangling} leads to {os.path.realpath(dangling)}, which does not "
            "exist. That Python was removed or replaced: make the environment anew."
        )
    what = "virtual environment" if kind == "venv" else "conda prefix"
    advice = "Make it anew." if kind == "venv" else "Install the package python into it."
    return f"{folder} is a {what} without Python: there is no {candidates[0]}. {advice}"


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return "it is no folder"
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return "it is empty"
    more = f" and {len(names) - _SHOWN_ENTRIES} more" if len(names) > _SHOWN_ENTRIES else ""
    return f"it has {', '.join(names[:_SHOWN_ENTRIES])}{more}"
