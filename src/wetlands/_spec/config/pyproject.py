"""Reads ``pyproject.toml``: the project with its extras and groups, or the pixi workspace it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys
from wetlands._spec.config.pixi import add_pixi
from wetlands._spec.config.project import Project
from wetlands._spec.config.toml_tables import toml_table
from wetlands._spec.config.uv_table import UvTable
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.request import Request
    from wetlands._spec.config.source import Source
    from wetlands._spec.config.tables import Table

__all__ = ["PYPROJECT_KEYS", "read_pyproject"]

PYPROJECT_KEYS = keys("project dependency-groups tool", about="build-system")
# What these tools keep beside the standard tables, and their users may expect to be read.
_FOREIGN = {
    "poetry": ("dependencies", "group", "dev-dependencies", "extras"),
    "pdm": ("dev-dependencies", "source", "resolution"),
}


def read_pyproject(text: str, source: Source, request: Request) -> Draft:
    """Read a ``pyproject.toml``.

    Raises:
        InvalidDependencyError: It cannot be understood; the message begins with the place.
    """
    draft = Draft(source)
    document = toml_table(text, draft).check(PYPROJECT_KEYS)
    tool = document.table("tool")
    pixi = tool.table("pixi")
    if "workspace" in pixi or "project" in pixi:
        project = Project(document, draft.remarks)
        _check_dynamic(project, request, source)
        if "uv" in tool:
            draft.remarks.warn(tool.place("uv"), "its settings are not read beside [tool.pixi], which has its own.")
        add_pixi(pixi, project, request, draft)
        return draft
    uv = UvTable(tool.table("uv"), draft)
    groups = {"dev": uv.dev_dependencies} if uv.dev_dependencies else None
    project = Project(document, draft.remarks, groups)
    _check_dynamic(project, request, source)
    _warn_of_foreign(tool, draft)
    _refuse_nothing(document, draft, request)
    _add_project(project, uv, request, draft)
    return draft


def _add_project(project: Project, uv: UvTable, request: Request, draft: Draft) -> None:
    python, where = project.requires_python
    if python:
        draft.add_python(python, where)
    for text, place in project.dependencies():
        uv.add(text, place)
    for name in request.optional:
        if _is_left_to_build(project, request, name):
            draft.left_to_build.append(name)
        else:
            for text, place in project.optional_dependencies(name):
                uv.add(text, place)


def _is_left_to_build(project: Project, request: Request, name: str) -> bool:
    """Tell whether only the build of the project, which is installed, knows what an extra needs."""
    dynamic = "optional-dependencies" in project.dynamic and request.project is not None
    return dynamic and canonicalize_name(name) not in project.optional


def _check_dynamic(project: Project, request: Request, source: Source) -> None:
    if request.project is None and "dependencies" in project.dynamic:
        raise InvalidDependencyError(
            f"{source.path.name}: project.dynamic: the dependencies are known to the build of the project only. "
            "Use install_project=True."
        )


def _warn_of_foreign(tool: Table, draft: Draft) -> None:
    for name, tables in _FOREIGN.items():
        table = tool.table(name)
        for key in tables:
            if key in table:
                draft.remarks.warn(table.place(key), "this is not read. Use [project] and [dependency-groups].")


def _refuse_nothing(document: Table, draft: Draft, request: Request) -> None:
    if request.project is None and not any(key in document for key in ("project", "dependency-groups")):
        raise InvalidDependencyError(
            f"{draft.source.path.name} has none of [project], [dependency-groups] and [tool.pixi.workspace], so it "
            "does not say what to install."
        )
