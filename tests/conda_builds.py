"""Builds conda environments the way the manager does, from the channel of the tests."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from backends import RecordingObserver
from registry import without_proxies
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.rattler import RattlerBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies


def backend(channel: Channel, base: Path, **variables: str) -> RattlerBackend:
    env = {**os.environ, **without_proxies(), **channel.variables, "HOME": str(base), "UV_OFFLINE": "1", **variables}
    return RattlerBackend(env, base=base)


def build(
    channel: Channel, recipe: Dependencies, prefix: Path, observer: RecordingObserver | None = None, **variables: str
) -> Path:
    """Build a recipe with these variables, and return the prefix."""
    spec = parse(recipe, platform=current_platform(), base=prefix.parent)
    backend(channel, prefix.parent, **variables).build(spec, prefix, observer or RecordingObserver())
    return prefix


def install(
    channel: Channel, recipe: Dependencies, prefix: Path, observer: RecordingObserver | None = None, **variables: str
) -> None:
    """Add a recipe to a prefix."""
    spec = parse(recipe, platform=current_platform(), base=prefix.parent)
    backend(channel, prefix.parent, **variables).install(spec, prefix, observer or RecordingObserver())


def run(prefix: Path, source: str) -> str:
    command = [str(adopt(prefix).python), "-I", "-c", source]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def versions(prefix: Path) -> dict[str, str]:
    """Everything in a prefix but its Python."""
    packages = installed_packages(adopt(prefix))
    return {package["name"]: package["version"] for package in packages if package["name"] != "python"}
