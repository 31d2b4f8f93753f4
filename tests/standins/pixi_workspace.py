"""The manifest of the stand-in for pixi: its keys, features, environments, and what they ask for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standins import engine
from wetlands._spec.toml import toml_document

if TYPE_CHECKING:
    from collections.abc import Sequence

Table = dict[str, Any]

TABLES = {
    "workspace",
    "dependencies",
    "pypi-dependencies",
    "pypi-options",
    "feature",
    "environments",
    "target",
    "activation",
    "tasks",
    "system-requirements",
}
WORKSPACE_KEYS = {
    *("name", "channels", "platforms", "channel-priority", "version", "description", "authors", "requires-pixi"),
    *("pypi-options", "conda-pypi-map", "solve-strategy", "preview"),
}
CONDA_KEYS = {"version", "build", "channel", "build-number", "subdir", "md5", "sha256"}
PYPI_KEYS = {"version", "extras", "index", "env-markers", "path", "editable", "url", "git", "rev", "subdirectory"}
OPTION_KEYS = {
    *("index-url", "extra-index-urls", "find-links", "index-strategy", "no-build", "no-binary"),
    *("no-build-isolation", "prerelease-mode", "dependency-overrides"),
}
FAMILIES = {"linux": ("linux", "unix"), "osx": ("osx", "unix"), "win": ("win",)}


class ReportedError(Exception):
    """What pixi reports, from the outermost cause to the innermost."""

    def __init__(self, *causes: str) -> None:
        super().__init__(causes)
        self.causes = causes


class Workspace:
    """A manifest and where it lies."""

    def __init__(self, path: str | None) -> None:
        found = Path(path) if path else Path.cwd()
        if found.is_dir():
            candidates = [found / "pixi.toml", found / "pyproject.toml"]
            found = next((one for one in candidates if one.is_file()), candidates[0])
        if not found.is_file():
            raise ReportedError(
                f"could not find pixi.toml or pyproject.toml with tool.pixi at directory {found.parent}"
            )
        self.path = found.absolute()
        self.root = self.path.parent
        self.project: Table = {}
        try:
            document: Table = toml_document(found.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ReportedError(f"failed to parse {found.name}", str(error)) from error
        if found.name == "pyproject.toml":
            self.project = document.get("project", {})
            document = document["tool"]["pixi"]
        self.manifest: Table = document
        known(document, {*TABLES, "project"}, found.name)
        self.workspace: Table = document.get("workspace") or document["project"]
        known(self.workspace, WORKSPACE_KEYS, "workspace")
        settings = self.root / ".pixi" / "config.toml"
        if settings.is_file():
            known(toml_document(settings.read_text(encoding="utf-8")), {"detached-environments"}, "config.toml")
        platforms = [one["platform"] if isinstance(one, dict) else one for one in self.workspace["platforms"]]
        if engine.HERE not in platforms:
            raise ReportedError(f"the workspace does not support '{engine.HERE}'")

    @property
    def name(self) -> str:
        return str(self.workspace.get("name") or self.project.get("name") or self.root.name)

    @property
    def lock(self) -> Path:
        return self.root / "pixi.lock"

    @property
    def environments(self) -> list[str]:
        return ["default", *(name for name in self.manifest.get("environments", {}) if name != "default")]

    def prefix(self, environment: str) -> Path:
        return self.root / ".pixi" / "envs" / environment

    def features(self, environment: str) -> list[Table]:
        """The tables that an environment is put together from, the default feature last."""
        if environment not in self.environments:
            raise ReportedError(f"unknown environment '{environment}'")
        value = self.manifest.get("environments", {}).get(environment, [])
        table = {"features": value} if isinstance(value, list) else value
        known(table, {"features", "no-default-feature", "solve-group"}, f"environments.{environment}")
        features = self.manifest.get("feature", {})
        extras = self.project.get("optional-dependencies", {})
        found: list[Table] = []
        for name in table.get("features", []):
            if name not in features and name not in extras:
                raise ReportedError(f"the feature '{name}' is not defined in the workspace")
            found.append({"pypi-lines": extras.get(name, []), **features.get(name, {})})
        if not table.get("no-default-feature"):
            found.append({**self.manifest, "pypi-lines": self.project.get("dependencies", [])})
        return found

    def channels(self, environment: str) -> list[str]:
        named = [one for feature in self.features(environment) for one in feature.get("channels", [])]
        return [self.channel(one) for one in dict.fromkeys([*named, *self.workspace["channels"]])]

    def channel(self, name: str) -> str:
        if "://" in name:
            return name
        if name.startswith((".", "/")):
            return (self.root / name).resolve().as_uri()
        return f"https://conda.anaconda.org/{name}"

    def tables(self, environment: str, key: str) -> Table:
        """All entries of one kind, those of targets included."""
        found: Table = {}
        selectors = (engine.HERE, *FAMILIES[engine.HERE.partition("-")[0]])
        for feature in reversed(self.features(environment)):
            found.update(feature.get(key, {}))
            for selector in selectors:
                found.update(feature.get("target", {}).get(selector, {}).get(key, {}))
        return found

    def conda(self, environment: str) -> list[str]:
        channels = self.channels(environment)
        table = self.tables(environment, "dependencies")
        if self.project.get("requires-python") and "python" not in table:
            table["python"] = self.project["requires-python"]
        return [spec(name, value, channels, self) for name, value in table.items()]

    def machine(self, environment: str) -> dict[str, str]:
        """What packages may ask for: pixi's assumptions, and what the manifest says."""
        found = {"__unix": "0", "__linux": "4.18", "__glibc": "2.28"}
        for feature in self.features(environment):
            said = feature.get("system-requirements", {})
            known(said, {"cuda", "linux", "libc", "macos", "archspec"}, "system-requirements")
            found.update({f"__{key}": str(said[key]) for key in ("cuda", "linux") if key in said})
            if "libc" in said:
                found["__glibc"] = said["libc"]["version"]
        return found

    def pypi(self, environment: str) -> list[str]:
        table = self.tables(environment, "pypi-dependencies")
        lines = [pypi_line(name, value, self.root) for name, value in table.items()]
        return lines + [line for feature in self.features(environment) for line in feature.get("pypi-lines", [])]

    def pypi_options(self, environment: str) -> Table:
        options = {**self.workspace.get("pypi-options", {}), **self.tables(environment, "pypi-options")}
        known(options, OPTION_KEYS, "pypi-options")
        return options


def known(table: Table, keys: set[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise ReportedError(f"failed to parse {where}", f"Unexpected keys, expected only {sorted(keys)}: '{key}'")


def spec(name: str, value: object, channels: Sequence[str], workspace: Workspace) -> str:
    table: Table = value if isinstance(value, dict) else {"version": value}
    known(table, CONDA_KEYS, f"dependencies.{name}")
    version = str(table.get("version", "*"))
    if version[:1].isalpha() or " " in version.replace(", ", ","):
        raise ReportedError("expected a version specifier but looks like a matchspec, did you mean ...?", version)
    if version[:1].isdigit() and not version.endswith("*"):
        print(f" WARN pixi_spec: '{version}' is ambiguous, taken for '=={version}'", file=sys.stderr)
        version = f"=={version}"
    place = ""
    if "channel" in table:
        address = workspace.channel(table["channel"])
        if address not in channels:
            raise ReportedError(f"channel {address} is missing", "help: pixi workspace channel add")
        place = f"{address}::"
    return f"{place}{name} {version} {table.get('build', '')}".strip()


def pypi_line(name: str, value: object, root: Path) -> str:
    table: Table = value if isinstance(value, dict) else {"version": value}
    known(table, PYPI_KEYS, f"pypi-dependencies.{name}")
    sources = [key for key in ("version", "path", "url", "git") if key in table]
    if len(sources) != 1:
        raise ReportedError(f"failed to parse pypi-dependencies.{name}", "exactly one of version, path, url, git")
    if "editable" in table and "path" not in table:
        raise ReportedError(f"failed to parse pypi-dependencies.{name}", "`editable` is only valid for a path")
    wanted = f"{name}[{','.join(table['extras'])}]" if table.get("extras") else name
    marker = f" ; {table['env-markers']}" if "env-markers" in table else ""
    if "path" in table:
        editable = "-e " if table.get("editable") else ""
        return f"{editable}{wanted} @ {(root / table['path']).resolve().as_uri()}{marker}"
    if "url" in table:
        return f"{wanted} @ {table['url']}{marker}"
    if "git" in table:
        rev = f"@{table['rev']}" if "rev" in table else ""
        return f"{wanted} @ git+{table['git']}{rev}{marker}"
    return f"{wanted}{'' if table['version'] == '*' else table['version']}{marker}"
