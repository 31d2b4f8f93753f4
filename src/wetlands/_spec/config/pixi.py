"""Reads the manifest of a pixi workspace: ``pixi.toml``, or ``[tool.pixi]`` of a ``pyproject.toml``.

https://pixi.sh/latest/reference/pixi_manifest/
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.checks import kind, quoted
from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys, nearest
from wetlands._spec.config.pixi_feature import (
    FEATURE_KEYS,
    SYSTEM_KEYS,
    add_feature,
    add_pypi_options,
    add_solve_strategy,
    add_system_requirements,
)
from wetlands._spec.config.tables import Table
from wetlands._spec.config.toml_tables import toml_table
from wetlands._spec.cutoff import parse_cutoff
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.project import Project
    from wetlands._spec.config.request import Request
    from wetlands._spec.config.source import Source

__all__ = [
    "CHANNEL_KEYS",
    "ENVIRONMENT_KEYS",
    "MANIFEST_KEYS",
    "PLATFORM_KEYS",
    "WORKSPACE_KEYS",
    "add_pixi",
    "read_pixi",
]

_OF_WORKSPACE = {"channels", "platforms", "solve-strategy", "channel-priority"}  # not at the top of a manifest
MANIFEST_KEYS = {
    **{key: use for key, use in FEATURE_KEYS.items() if key not in _OF_WORKSPACE},
    **keys(
        "workspace project feature environments",
        warned={"package": "the package that is made of this workspace is not installed."},
    ),
}
WORKSPACE_KEYS = keys(
    "channels platforms pypi-options solve-strategy exclude-newer",
    about="name version description authors license license-file readme homepage repository documentation"
    " requires-pixi build-variants build-variants-files preview conda-pypi-map",
    warned={
        "channel-priority": "channels are searched strictly in their order.",
    },
)
ENVIRONMENT_KEYS = FEATURE_KEYS | keys(
    "features no-default-feature", noted={"solve-group": "each environment is solved on its own."}
)
CHANNEL_KEYS = keys("channel priority")
PLATFORM_KEYS = SYSTEM_KEYS | keys("platform", about="name")
_DEFAULT = "default"


def read_pixi(text: str, source: Source, request: Request) -> Draft:
    """Read a ``pixi.toml``.

    Raises:
        InvalidDependencyError: It cannot be understood; the message begins with the place.
    """
    draft = Draft(source)
    add_pixi(toml_table(text, draft), None, request, draft)
    return draft


def add_pixi(manifest: Table, project: Project | None, request: Request, draft: Draft) -> None:
    """Add one environment of a pixi workspace.

    Args:
        manifest: The manifest.
        project: The project of a ``pyproject.toml``, whose extras and groups are features too.
        request: The environment, and further features.
        draft: What to add them to.

    Raises:
        InvalidDependencyError: It cannot be understood, or has no such feature.
    """
    _Workspace(manifest.check(MANIFEST_KEYS), project, draft).add(request)


class _Workspace:
    """A pixi manifest from which one environment is taken."""

    def __init__(self, manifest: Table, project: Project | None, draft: Draft) -> None:
        self._manifest = manifest
        self._project = project
        self._draft = draft
        key = "workspace" if "workspace" in manifest or "project" not in manifest else "project"
        self._table = manifest.table(key).check(WORKSPACE_KEYS)
        self._features = manifest.table("feature")
        self._environments = manifest.table("environments")

    def add(self, request: Request) -> None:
        name = request.environment if request.environment in self._environments else _DEFAULT
        features, with_default, inline = self._environment(name)
        if with_default:
            add_feature(self._manifest, self._draft)
            self._add_project()
        tables = [self._feature(feature) for feature in dict.fromkeys((*features, *request.optional))]
        for feature, table in zip(dict.fromkeys((*features, *request.optional)), tables, strict=True):
            if table is not None:
                add_feature(table, self._draft)
            self._add_optional(feature)
        chosen = [table for table in (*tables, inline) if table is not None]
        if inline is not None:
            add_feature(inline, self._draft)
        self._add_channels(chosen)
        self._check_platforms([self._table, *chosen])
        add_pypi_options(self._table.table("pypi-options"), self._draft)
        if "solve-strategy" in self._table:
            add_solve_strategy(self._table, self._draft)
        if "exclude-newer" in self._table:
            cutoff = parse_cutoff(self._table.text("exclude-newer"), self._table.place("exclude-newer"))
            self._draft.settings = replace(self._draft.settings, exclude_newer=cutoff)

    def _environment(self, name: str) -> tuple[list[str], bool, Table | None]:
        """The features of an environment, whether the default one is among them, and what it holds itself."""
        value = self._environments.get(name)
        if value is None:
            return [], True, None
        if isinstance(value, list):
            return self._environments.texts(name), True, None
        table = self._environments.table(name).check(ENVIRONMENT_KEYS)
        return table.texts("features"), not table.flag("no-default-feature"), table

    def _feature(self, name: str) -> Table | None:
        """The table of a feature; None when only an extra or a group defines it."""
        if name in self._features:
            return self._features.table(name).check(FEATURE_KEYS)
        optional = () if self._project is None else self._project.optional
        if canonicalize_name(name) in optional:
            return None
        known = (*self._features, *(entry for entry in optional if entry not in self._features))
        raise InvalidDependencyError(
            f"{self._draft.source.path.name}: there is no feature {quoted(name)}.{nearest(name, known)} "
            f"Features: {', '.join(known) or 'none'}. Environments: {', '.join(self._environments) or 'default'}."
        )

    def _add_project(self) -> None:
        if self._project is None:
            return
        python, where = self._project.requires_python
        if python:
            self._draft.add_python(python, where)
        for text, place in self._project.dependencies():
            self._draft.add_pypi(text, place)

    def _add_optional(self, name: str) -> None:
        if self._project is not None and canonicalize_name(name) in self._project.optional:
            for text, where in self._project.optional_dependencies(name):
                self._draft.add_pypi(text, where)

    def _add_channels(self, features: list[Table]) -> None:
        """Add the channels of the features, then those of the workspace; there is no other one in pixi."""
        found: list[tuple[int, str]] = []
        for table in (*features, self._table):
            found += [self._channel(entry, where) for entry, where in table.entries("channels")]
        self._draft.channels += [name for _, name in sorted(found, key=lambda channel: -channel[0])]
        if found:
            self._draft.channels.append("nodefaults")

    def _channel(self, entry: object, where: str) -> tuple[int, str]:
        if isinstance(entry, str):
            return 0, entry
        table = Table(entry, where, self._draft.remarks).check(CHANNEL_KEYS)
        priority = table.get("priority")
        if priority is not None and type(priority) is not int:
            raise InvalidDependencyError(f"{table.place('priority')} must be a number, not {kind(priority)}.")
        return priority or 0, table.text("channel")

    def _check_platforms(self, tables: list[Table]) -> None:
        platform = self._draft.source.platform
        for table in tables:
            entries = table.entries("platforms")
            names = [self._platform(entry, where) for entry, where in entries]
            if entries and platform not in names:
                raise InvalidDependencyError(
                    f"{table.place('platforms')}: this machine is {platform}, and only {', '.join(names)} are there."
                )

    def _platform(self, entry: object, where: str) -> str:
        if isinstance(entry, str):
            return entry
        table = Table(entry, where, self._draft.remarks).check(PLATFORM_KEYS)
        name = table.text("platform")
        if name == self._draft.source.platform:
            add_system_requirements(table, self._draft)
        return name
