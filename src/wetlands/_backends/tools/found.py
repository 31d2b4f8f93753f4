"""Looks for a tool on this machine, and asks it which version it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from wetlands._backends.environ import scrubbed
from wetlands._platform.process import new_group
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wetlands._backends.tools.pins import Tool

__all__ = ["ACCEPTED", "FoundTool", "places_in", "tool_at", "tool_on_path", "version_of"]

# pixi: [workspace] with requires-pixi, --as-is, lock files of version 6. micromamba: globs in build strings, and the
# operator ~=, were broken before.
ACCEPTED: Mapping[Tool, tuple[str, str]] = {"pixi": ("0.55", "2"), "micromamba": ("2.0.6", "3")}
"""The oldest version of each tool that is worked with, and the first one that is not known yet."""

_ASK_SECONDS = 60.0  # a virus scanner looks at a new program first
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[a-z]+\d*)?")


@dataclass(frozen=True)
class FoundTool:
    """A tool that can be run.

    Attributes:
        tool: Which one.
        path: Its executable, absolute.
        version: What it says its version is.
    """

    tool: Tool
    path: Path
    version: str


def places_in(folder: Path, name: str) -> tuple[Path, ...]:
    """Return where an executable may lie that a path means: the path itself, or in a folder of an installation."""
    return (folder, folder / name, folder / "bin" / name, folder / "Library" / "bin" / name)


def tool_at(tool: Tool, path: Path, name: str, env: Mapping[str, str]) -> FoundTool | None:
    """Return the tool that the user says is at a path, or None when there is nothing yet.

    Raises:
        ProvisioningError: It cannot be run, or its version is not accepted: what the user names is not replaced.
    """
    for place in places_in(path, name):
        if place.is_file():
            version = version_of(place, env)
            if not _is_accepted(tool, version):
                raise ProvisioningError(
                    f"{place} is {tool} {version}, and this library works with {_range(tool)}. Update it, or leave "
                    "conda_path out to have a fitting one found or downloaded."
                )
            return FoundTool(tool, place.absolute(), version)
    return None


def tool_on_path(tool: Tool, env: Mapping[str, str]) -> tuple[FoundTool | None, str]:
    """Return the tool that is on PATH, and otherwise why there is none, for people."""
    path = env.get("PATH") or next((value for name, value in env.items() if name.upper() == "PATH"), os.defpath)
    found = shutil.which(tool, path=path)
    if found is None:
        return None, f"{tool} is not on PATH"
    try:
        version = version_of(Path(found), env)
    except ProvisioningError as error:
        return None, str(error)
    if not _is_accepted(tool, version):
        return None, f"{found} is {tool} {version}, and this library works with {_range(tool)}"
    return FoundTool(tool, Path(found).absolute(), version), ""


def version_of(executable: Path, env: Mapping[str, str]) -> str:
    """Run an executable to learn its version.

    Raises:
        ProvisioningError: It cannot be run, or says nothing of the kind.
    """
    try:
        answer = subprocess.run(
            [str(executable), "--version"],
            env=scrubbed(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_ASK_SECONDS,
            **new_group(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProvisioningError(f"{executable} cannot be run ({error}). Correct that, or name another one.") from error
    match = _VERSION.search(answer.stdout)
    if answer.returncode != 0 or match is None:
        said = (answer.stderr or answer.stdout).strip()[-300:] or "nothing"
        raise ProvisioningError(
            f"`{executable} --version` ended with exit code {answer.returncode} and said: {said}. "
            "It is not the tool it should be, or is damaged."
        )
    return match[0]


def _is_accepted(tool: Tool, version: str) -> bool:
    oldest, unknown = ACCEPTED[tool]
    try:
        return Version(oldest) <= Version(version) < Version(unknown)
    except InvalidVersion:
        return False


def _range(tool: Tool) -> str:
    oldest, unknown = ACCEPTED[tool]
    return f"versions from {oldest} up to, but not with, {unknown}"
