"""A config file that the tool which builds reads itself: it is handed on instead of being translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._spec.config.request import check_optional, project_folder
from wetlands._spec.config.source import read_text
from wetlands._spec.local import local_package
from wetlands._spec.model import Spec
from wetlands._spec.pixi_manifest import ProjectWanted, pixi_manifest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["native_config"]

_FILES = ("pixi.toml", "pyproject.toml")


def native_config(
    path: Path,
    *,
    name: str,
    optional: object = None,
    commands: tuple[str, ...] = (),
    install_project: object = False,
    project_path: object = None,
    project_editable: object = False,
) -> Spec | None:
    """Read a manifest of pixi as a recipe that pixi will read itself; for the arguments see `from_config`.

    Returns:
        The recipe; None when the file is no manifest of pixi.

    Raises:
        InvalidDependencyError: It cannot be read, or has no such feature.
    """
    if path.name.lower() not in _FILES:
        return None
    folder = project_folder(path.parent, project_path, install=install_project, editable=project_editable)
    project = None
    if folder is not None:
        package = local_package(str(folder), path.parent, "project_path", editable=project_editable is True)
        project = ProjectWanted(package.name, package.path, package.editable)
    features = check_optional(optional)
    manifest = pixi_manifest(read_text(path), path.name.lower(), name=name, features=features, project=project)
    return None if manifest is None else Spec(commands=commands, manifest=manifest)
