"""The lock file of the stand-in for pixi: whether it is current, and how it is made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rattler import LockChannel, LockFile, LockPlatform, MatchSpec
from rattler.exceptions import SolverError

from standins import engine
from standins.pixi_workspace import ReportedError
from wetlands._backends.uv import find_uv

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from rattler import RepoDataRecord

    from standins.pixi_workspace import Workspace


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
        return engine.solved(
            channels, specs, repodata=cache() / "repodata", strict=strict, machine=workspace.machine(name)
        )
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


def cache() -> Path:
    named = os.environ.get("PIXI_CACHE_DIR") or os.environ.get("RATTLER_CACHE_DIR")
    return Path(named) if named else Path.home() / ".cache" / "rattler" / "cache"


def log(verbosity: int, target: str, text: str) -> None:
    if verbosity:
        print(f" INFO {target}: {text}", file=sys.stderr, flush=True)
