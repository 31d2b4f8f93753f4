"""Stands in for pixi: its command lines, reports, exit codes and file layout, as far as they are known.

Solving and linking are py-rattler's, the PyPI part is uv's. It is strict about options and about the keys of
manifests: what it does not know it refuses, as the real one does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rattler import LockChannel, LockFile, LockPlatform, MatchSpec
from rattler.exceptions import SolverError

from standins import engine
from wetlands._backends.uv import find_uv
from wetlands._spec.toml import toml_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rattler import RepoDataRecord

Table = dict[str, Any]

VERSION = os.environ.get("STANDIN_VERSION", "0.73.0")
USAGE = 2
OF_SHELLS = {"_", "SHLVL", "PWD"}
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


class Parser(argparse.ArgumentParser):
    """Fails with the code of clap."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}\n\nFor more information, try '--help'.", file=sys.stderr)
        sys.exit(USAGE)


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        print(f"pixi {VERSION}")
        return 0
    arguments = parsed()
    try:
        return {"install": install, "shell-hook": hook, "info": info, "lock": lock_only}[arguments.verb](arguments)
    except ReportedError as error:
        return report(error.causes)


def parsed() -> argparse.Namespace:
    parser = Parser(prog="pixi", add_help=False, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for verb in ("install", "shell-hook", "info", "lock"):
        options = verbs.add_parser(verb, add_help=False, allow_abbrev=False)
        options.add_argument("--manifest-path", "-m")
        options.add_argument("-v", action="count", default=0)
        if verb in {"install", "shell-hook"}:
            options.add_argument("--environment", "-e", action="append" if verb == "install" else "store")
            options.add_argument("--frozen", action="store_true")
            options.add_argument("--locked", action="store_true")
        if verb == "install":
            options.add_argument("--all", "-a", action="store_true")
        if verb == "shell-hook":
            options.add_argument("--no-install", action="store_true")
            options.add_argument("--as-is", action="store_true")
        if verb in {"shell-hook", "info"}:
            options.add_argument("--json", action="store_true")
    return parser.parse_args()


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


def install(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.manifest_path)
    names = workspace.environments if arguments.all else arguments.environment or ["default"]
    prepare(workspace, names, arguments)
    for name in names:
        make(workspace, name, arguments.v)
    if len(names) == 1:
        print(f"✔ The {names[0]} environment has been installed.", file=sys.stderr)
    else:
        print(f"✔ The following environments have been installed: {', '.join(names)}", file=sys.stderr)
    return 0


def lock_only(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.manifest_path)
    write_lock(workspace, arguments.v)
    print("✔ Updated lock file", file=sys.stderr)
    return 0


def prepare(workspace: Workspace, names: Iterable[str], arguments: argparse.Namespace) -> None:
    """Bring the lock file up to date, as far as it may be touched."""
    for name in names:
        workspace.features(name)
    if arguments.frozen and not arguments.locked:
        if not workspace.lock.is_file():
            raise ReportedError("lock file not found", "run without --frozen")
        return
    if is_current(workspace):
        log(arguments.v, "pixi_core::lock_file::update", "the lock file is up-to-date")
        return
    if arguments.locked:
        raise ReportedError("lock file not up-to-date with the workspace")
    write_lock(workspace, arguments.v)


def is_current(workspace: Workspace) -> bool:
    if not workspace.lock.is_file():
        return False
    for name in workspace.environments:
        locked = locked_records(workspace, name)
        pypi = {line["name"] for line in locked_pypi(workspace, name)}
        if locked is None:
            return False
        if not all(any(MatchSpec(text).matches(record) for record in locked) for text in workspace.conda(name)):
            return False
        if not {requirement_name(line) for line in workspace.pypi(name)} <= pypi:
            return False
    return True


def requirement_name(line: str) -> str:
    return re.split(r"[\s\[<>=!~;@]", line.removeprefix("-e "), maxsplit=1)[0].lower().replace("_", "-")


def locked_records(workspace: Workspace, name: str) -> list[RepoDataRecord] | None:
    lock = LockFile.from_path(workspace.lock)
    environment = lock.environment(name)
    if environment is None:
        return None
    return environment.conda_repodata_records_for_platform(lock_platform(lock))


def locked_pypi(workspace: Workspace, name: str) -> list[dict[str, str]]:
    lock = LockFile.from_path(workspace.lock)
    environment = lock.environment(name)
    packages = environment.pypi_packages_for_platform(lock_platform(lock)) if environment else None
    return [
        {"name": one.name.lower().replace("_", "-"), "version": str(one.version), "location": str(one.location)}
        for one in packages or []
    ]


def lock_platform(lock: LockFile) -> LockPlatform:
    return next(platform for platform in lock.platforms() if platform.name == engine.HERE)


def write_lock(workspace: Workspace, verbosity: int) -> None:
    """Solve for all environments and write the lock file: conda first, then PyPI where an interpreter is needed."""
    platform = LockPlatform(engine.HERE)
    lock = LockFile([platform])
    for name in workspace.environments:
        channels = workspace.channels(name)
        for record in solved(workspace, name, channels):
            lock.add_conda_package(name, platform, record)
        lock.set_channels(name, [LockChannel(channel) for channel in channels])
        log(
            verbosity,
            "pixi_core::lock_file::update",
            f"resolved conda environment for environment '{name}' '{engine.HERE}' in 1ms",
        )
        if workspace.pypi(name):
            for package in resolved_pypi(workspace, name):
                lock.add_pypi_package(name, platform, package["name"], package["version"], package["location"])
            log(verbosity, "pixi_core::lock_file::update", f"resolved pypi packages for environment '{name}'")
    lock.to_path(workspace.lock)


def solved(workspace: Workspace, name: str, channels: Sequence[str]) -> list[RepoDataRecord]:
    for channel in channels:
        folder = Path(channel.removeprefix("file://").replace("%20", " "))
        if channel.startswith("file://") and "%" not in str(folder) and not (folder / "noarch").is_dir():
            raise ReportedError(f"could not find subdir 'noarch' in channel '{channel}/'")
    try:
        specs = workspace.conda(name)
        strict = workspace.workspace.get("channel-priority", "strict") == "strict"
        return engine.solved(channels, specs, repodata=cache() / "repodata", strict=strict)
    except SolverError as error:
        raise ReportedError(
            f"failed to solve requirements of environment '{name}' for platform '{engine.HERE}'",
            "failed to solve the environment",
            str(error),
        ) from error


def resolved_pypi(workspace: Workspace, name: str) -> list[dict[str, str]]:
    """Ask uv which packages it would be."""
    if not any(text.split("::")[-1].split()[0] == "python" for text in workspace.conda(name)):
        raise ReportedError("PyPI dependencies need python in [dependencies]")
    minor = next(
        str(record.version)
        for record in solved(workspace, name, workspace.channels(name))
        if record.name.normalized == "python"
    )
    answer = uv(
        workspace,
        name,
        ["pip", "compile", "--no-header", "--no-annotate", f"--python-version={minor}", "--python", sys.executable],
    )
    found = []
    for line in answer.stdout.splitlines():
        text = line.partition(";")[0].strip()
        if text.startswith(("-e ", "./", "/", "file:")):
            continue
        package, separator, location = text.partition(" @ ")
        if separator:
            found.append({"name": package, "version": version_in(location), "location": location})
        elif "==" in text:
            package, _, version = text.partition("==")
            location = f"https://files.example/{package}-{version}-py3-none-any.whl"
            found.append({"name": package, "version": version, "location": location})
    named = {one["name"] for one in found}
    for line in workspace.pypi(name):
        if requirement_name(line) not in named and " @ " in line:
            location = line.partition(" @ ")[2].partition(" ;")[0]
            found.append({"name": requirement_name(line), "version": "0", "location": location})
    return found


def version_in(location: str) -> str:
    match = re.search(r"-(\d[^-]*)-", location.rpartition("/")[2])
    return match[1] if match else "0"


def uv(workspace: Workspace, name: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    lines = workspace.pypi(name)
    locked = locked_pypi(workspace, name) if workspace.lock.is_file() and is_current(workspace) else []
    pins = [f"{one['name']}=={one['version']}" for one in locked if "files.example" in one["location"]]
    options = []
    said = workspace.pypi_options(name)
    if "index-url" in said:
        options += ["--default-index", said["index-url"]]
    for place in said.get("find-links", []):
        options += ["--find-links", place.get("url") or str(workspace.root / place["path"])]
    if "index-strategy" in said:
        options += ["--index-strategy", said["index-strategy"]]
    folder = workspace.root / ".pixi"
    folder.mkdir(exist_ok=True)
    requirements, constraints = folder / "requirements.txt", folder / "constraints.txt"
    requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    constraints.write_text("".join(f"{line}\n" for line in pins), encoding="utf-8")
    end = [str(requirements)] if command[1] == "compile" else ["--requirements", str(requirements)]
    argv = [str(find_uv(os.environ)), "--no-config", *command, *options, "--constraints", str(constraints), *end]
    env = {**os.environ, "TMPDIR": str(folder)}  # uv leaves a lock there
    answer = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, env=env)
    if answer.returncode != 0:
        raise ReportedError(
            f"failed to solve the pypi requirements of environment '{name}' for platform '{engine.HERE}'",
            "failed to resolve pypi dependencies",
            answer.stderr.strip(),
        )
    return answer


def make(workspace: Workspace, name: str, verbosity: int) -> None:
    prefix = workspace.prefix(name)
    records = locked_records(workspace, name)
    if records is None:
        raise ReportedError(f"the lock file has no environment '{name}'")
    (workspace.root / ".pixi").mkdir(exist_ok=True)
    (workspace.root / ".pixi" / ".gitignore").write_text("*\n!config.toml\n", encoding="utf-8")
    present = {str(record.name.normalized) for record in engine.installed_in(prefix)}
    engine.linked(prefix, records, cache=cache() / "pkgs")
    log(verbosity, "pixi_core::environment", f"updated conda packages in the '{name}' prefix in 1ms")
    if workspace.pypi(name):
        python = prefix / "bin" / "python"
        before = set(prefix.glob("lib/*/site-packages/*.dist-info"))
        uv(workspace, name, ["pip", "install", "--python", str(python)])
        installed = set(prefix.glob("lib/*/site-packages/*.dist-info")) - before
        for folder in installed:
            (folder / "INSTALLER").write_text("uv-pixi", encoding="utf-8")
        log(verbosity, "uv_installer", f"Installed {len(installed)} packages in 1ms")
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    described = {
        "manifest_path": str(workspace.path),
        "environment_name": name,
        "pixi_version": VERSION,
        "environment_lock_file_hash": "0",
        "resolved_platform": engine.HERE,
    }
    (meta / "pixi").write_text(json.dumps(described), encoding="utf-8")
    (meta / "pixi_env_prefix").write_text(str(prefix), encoding="utf-8")
    log(verbosity, "pixi_core::environment", f"Installed environment '{name}' in 1ms ({len(present)} present before)")


def hook(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.manifest_path)
    name = arguments.environment or "default"
    workspace.features(name)
    if not (arguments.as_is or (arguments.frozen and arguments.no_install)):
        prepare(workspace, [name], arguments)
        make(workspace, name, arguments.v)
    if not arguments.json:
        raise ReportedError("the stand-in only knows --json")
    prefix = workspace.prefix(name)
    if not (prefix / "conda-meta").is_dir():
        raise ReportedError(f"the environment '{name}' is not installed")
    named = (one for feature in workspace.features(name) for one in feature.get("activation", {}).get("scripts", []))
    scripts = [str(workspace.root / one) for one in named]
    before = dict(os.environ)
    after = activated(workspace, name, prefix, scripts)
    changed = {key: value for key, value in after.items() if before.get(key) != value and key not in OF_SHELLS}
    print(json.dumps({"environment_variables": changed, "activation_scripts": scripts}))
    return 0


def activated(workspace: Workspace, name: str, prefix: Path, scripts: Sequence[str]) -> dict[str, str]:
    """The variables after a shell has activated the environment."""
    own = {
        "CONDA_PREFIX": str(prefix),
        "CONDA_SHLVL": "1",
        "CONDA_DEFAULT_ENV": workspace.name if name == "default" else f"{workspace.name}:{name}",
        "PIXI_PROJECT_ROOT": str(workspace.root),
        "PIXI_PROJECT_NAME": workspace.name,
        "PIXI_PROJECT_MANIFEST": str(workspace.path),
        "PIXI_PROJECT_VERSION": str(workspace.workspace.get("version", "NO_VERSION_SPECIFIED")),
        "PIXI_ENVIRONMENT_NAME": name,
        "PIXI_ENVIRONMENT_PLATFORMS": engine.HERE,
        "PIXI_PROMPT": f"({workspace.name}) ",
        "PIXI_IN_SHELL": "1",
        "PIXI_EXE": sys.argv[0],
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    for file in sorted((prefix / "etc" / "conda" / "env_vars.d").glob("*.json")):
        own.update(json.loads(file.read_text(encoding="utf-8")))
    quoted = [f'. "{one}"' for one in (*sorted(map(str, (prefix / "etc/conda/activate.d").glob("*.sh"))), *scripts)]
    lines = [f"{line} >/dev/null" for line in quoted]
    for feature in reversed(workspace.features(name)):
        lines += [f'export {key}="{value}"' for key, value in feature.get("activation", {}).get("env", {}).items()]
    dump = f"{sys.executable} -c 'import json,os;print(json.dumps(dict(os.environ)))'"
    shell = shutil.which("bash") or "/bin/sh"
    answer = subprocess.run(
        [shell, "-c", "\n".join([*lines, dump])], env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise ReportedError("Failed to run activation script", answer.stderr)
    return {str(key): str(value) for key, value in json.loads(answer.stdout.splitlines()[-1]).items()}


def info(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.manifest_path)
    environments = [{"name": name, "prefix": str(workspace.prefix(name))} for name in workspace.environments]
    project = {"name": workspace.name, "manifest_path": str(workspace.path)}
    print(json.dumps({"version": VERSION, "project_info": project, "environments_info": environments}, indent=2))
    return 0


def cache() -> Path:
    named = os.environ.get("PIXI_CACHE_DIR") or os.environ.get("RATTLER_CACHE_DIR")
    return Path(named) if named else Path.home() / ".cache" / "rattler" / "cache"


def log(verbosity: int, target: str, text: str) -> None:
    if verbosity:
        print(f" INFO {target}: {text}", file=sys.stderr, flush=True)


def report(causes: Sequence[str]) -> int:
    """Print a report as miette does."""
    print(f"Error:   × {causes[0]}", file=sys.stderr)
    for number, cause in enumerate(causes[1:], start=1):
        first, *rest = cause.splitlines() or [""]
        print(f"  {'╰─▶' if number == len(causes) - 1 else '├─▶'} {first}", file=sys.stderr)
        for line in rest:
            print(f"      {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads of the engine may be in the middle of something, which Python does not end well
