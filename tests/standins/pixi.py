"""Stands in for pixi: its command lines, reports, exit codes and file layout, as far as they are known.

Solving and linking are py-rattler's, the PyPI part is uv's. It is strict about options and about the keys of
manifests: what it does not know it refuses, as the real one does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from standins import engine
from standins.pixi_lock import cache, locked_records, log, prepare, uv, write_lock
from standins.pixi_workspace import ReportedError, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


Table = dict[str, Any]

VERSION = os.environ.get("STANDIN_VERSION", "0.73.0")
USAGE = 2
OF_SHELLS = {"_", "SHLVL", "PWD"}


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
