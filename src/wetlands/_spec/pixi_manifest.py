"""A manifest that pixi reads itself, and which of its environments is meant.

It is not translated: what it says to pixi it says in full, also what recipes have no words for. Only what cannot
change what is installed (tasks, descriptions) is left out, so that it does not change the identity of an environment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._spec.checks import check_keys, check_text, quoted
from wetlands._spec.secrets import without_credentials
from wetlands._spec.toml import toml_document
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PixiManifest", "ProjectWanted", "manifest_from_json", "pixi_manifest"]

Table = dict[str, object]

_FILES = ("pixi.toml", "pyproject.toml")
_DEFAULT = "default"
_OURS = "wetlands-wanted"  # a feature and an environment that we add, where more is wanted than one that is there
_ABOUT = frozenset(
    {
        "version",
        "description",
        "authors",
        "license",
        "license-file",
        "readme",
        "homepage",
        "repository",
        "documentation",
    }
)
_OF_PROJECT = ("name", "version", "dynamic", "requires-python", "dependencies", "optional-dependencies")


@dataclass(frozen=True, slots=True)
class PixiManifest:
    """A manifest of pixi.

    Attributes:
        document: Its content as JSON, keys sorted. Relative paths in it begin at the base of the recipe.
        file: What it is called: ``"pixi.toml"`` or ``"pyproject.toml"``.
        environment: The environment that is meant.
    """

    document: str
    file: str = _FILES[0]
    environment: str = _DEFAULT

    def to_json(self) -> dict[str, object]:
        """The manifest as JSON values."""
        return {"document": json.loads(self.document), "file": self.file, "environment": self.environment}


@dataclass(frozen=True)
class ProjectWanted:
    """The project of a manifest, to be installed too.

    Attributes:
        name: Its name.
        path: Its folder, as pixi is to read it.
        editable: Whether its sources are linked instead of copied.
    """

    name: str
    path: str
    editable: bool


def pixi_manifest(
    text: str,
    file: str,
    *,
    name: str = _DEFAULT,
    features: Sequence[str] = (),
    project: ProjectWanted | None = None,
) -> PixiManifest | None:
    """Read a manifest.

    Args:
        text: Its text.
        file: Its name.
        name: The environment to take, where there is one of that name; else the default one.
        features: Further features that are wanted.
        project: Its project, if that is to be installed too.

    Returns:
        The manifest; None for a ``pyproject.toml`` that is none of pixi.

    Raises:
        InvalidDependencyError: It is no TOML, holds credentials in clear, or has no such feature.
    """
    try:
        document = toml_document(text)
    except (ValueError, RecursionError) as error:
        raise InvalidDependencyError(f"{file} cannot be read as TOML: {error}.") from None
    pixi = document if file == _FILES[0] else _table(_table(document, "tool"), "pixi")
    if not pixi:
        return None
    stated = json.dumps(document, default=str)
    if without_credentials(stated) != stated:
        raise InvalidDependencyError(
            f"{file} holds credentials in clear, which would be stored with the environment. Leave them out, and give "
            "them to pixi with `pixi auth login`."
        )
    pixi = _lean(pixi)
    environment = _environment(pixi, document, file, name, features, project)
    whole: Table = pixi
    if file != _FILES[0]:
        about = {key: value for key, value in _table(document, "project").items() if key in _OF_PROJECT}
        whole = {"project": about, "tool": {"pixi": pixi}}
        if "dependency-groups" in document:
            whole["dependency-groups"] = document["dependency-groups"]
    return PixiManifest(json.dumps(whole, sort_keys=True, ensure_ascii=False, default=str), file, environment)


def manifest_from_json(plain: object) -> PixiManifest:
    """Read a stored manifest.

    Raises:
        InvalidDependencyError: It is something else.
    """
    where = 'stored "pixi_manifest"'
    stored = check_keys(plain, ("document", "file", "environment"), where)
    if not isinstance(stored.get("document"), dict) or stored.get("file") not in _FILES:
        raise InvalidDependencyError(f"{where} is no manifest of pixi.")
    return PixiManifest(
        json.dumps(stored["document"], sort_keys=True, ensure_ascii=False),
        check_text(stored["file"], where),
        check_text(stored.get("environment"), where),
    )


def _environment(
    pixi: Table, document: Table, file: str, name: str, features: Sequence[str], project: ProjectWanted | None
) -> str:
    """Return the environment to install, which is added to the manifest where none that is there will do."""
    environments = _table(pixi, "environments")
    chosen = name if name in environments else _DEFAULT
    known = {
        *_table(pixi, "feature"),
        *_table(_table(document, "project"), "optional-dependencies"),
        *_table(document, "dependency-groups"),
    }
    for feature in features:
        if feature not in known:
            raise InvalidDependencyError(
                f"{file}: there is no feature {quoted(feature)}. Features: {', '.join(sorted(known)) or 'none'}."
            )
    added = list(features)
    if project is not None:
        wanted = {project.name: {"path": project.path, "editable": project.editable}}
        pixi["feature"] = {**_table(pixi, "feature"), _OURS: {"pypi-dependencies": wanted}}
        added.append(_OURS)
    if not added:
        return chosen
    value = environments.get(chosen, [])
    table: Table = dict(value) if isinstance(value, dict) else {"features": value}
    present = table.get("features")
    table["features"] = [*(present if isinstance(present, list) else []), *added]
    pixi["environments"] = {**environments, _OURS: table}
    return _OURS


def _lean(pixi: Table) -> Table:
    """Return the manifest without what changes nothing that is installed."""
    lean = {key: _without_tasks(value) for key, value in pixi.items() if key != "tasks"}
    for key in ("workspace", "project"):
        if key in lean:
            lean[key] = {name: value for name, value in _table(lean, key).items() if name not in _ABOUT}
    return lean


def _without_tasks(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: _without_tasks(entry) for key, entry in value.items() if key != "tasks"}


def _table(table: Table, key: str) -> Table:
    value = table.get(key)
    return value if isinstance(value, dict) else {}
