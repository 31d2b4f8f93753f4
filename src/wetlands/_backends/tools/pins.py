"""Which release of a tool is downloaded for which machine, and the SHA-256 it must have.

The data is `pins.json`, which `scripts/refresh_tools.py` writes from the metadata of releases.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ASSETS", "MIRROR_VARIABLE", "Pin", "Tool", "executable_name", "pinned"]

Tool = Literal["pixi", "micromamba"]

MIRROR_VARIABLE = "WETLANDS_TOOLS_MIRROR"
"""The environment variable with the address that stands for ``https://github.com`` in the addresses of releases."""

_ORIGIN = "https://github.com"

# The names are those of the release assets; conda's name of a platform chooses. Windows runs x64 programs on ARM.
ASSETS: Mapping[Tool, Mapping[str, str]] = {
    "pixi": {
        "linux-64": "pixi-x86_64-unknown-linux-musl.tar.gz",
        "linux-aarch64": "pixi-aarch64-unknown-linux-musl.tar.gz",
        "osx-64": "pixi-x86_64-apple-darwin.tar.gz",
        "osx-arm64": "pixi-aarch64-apple-darwin.tar.gz",
        "win-64": "pixi-x86_64-pc-windows-msvc.zip",
        "win-arm64": "pixi-aarch64-pc-windows-msvc.zip",
    },
    "micromamba": {
        "linux-64": "micromamba-linux-64",
        "linux-aarch64": "micromamba-linux-aarch64",
        "linux-ppc64le": "micromamba-linux-ppc64le",
        "osx-64": "micromamba-osx-64",
        "osx-arm64": "micromamba-osx-arm64",
        "win-64": "micromamba-win-64",
        "win-arm64": "micromamba-win-64",
    },
}


@dataclass(frozen=True)
class Pin:
    """One file of one release.

    Attributes:
        tool: The tool that is in it.
        version: The version, as the release is tagged.
        asset: The name of the file.
        url: Where it is.
        sha256: What it must hash to, in lower-case hexadecimal.
    """

    tool: Tool
    version: str
    asset: str
    url: str
    sha256: str


def pinned(tool: Tool, platform: str, *, mirror: str = "") -> Pin:
    """Return what is downloaded for a machine.

    Args:
        tool: The tool.
        platform: The machine, in conda's words.
        mirror: What stands for ``https://github.com``; empty for that itself.

    Raises:
        ProvisioningError: There is no release of the tool for such a machine.
    """
    asset = ASSETS[tool].get(platform)
    if asset is None:
        raise ProvisioningError(
            f"There is no {tool} to download for {platform} (only for {', '.join(ASSETS[tool])}). "
            f"Install {tool} by other means and name its executable with conda_path=..."
        )
    entry = _data()[tool]
    url = entry.url.format(version=entry.version, asset=asset)
    if mirror:
        url = mirror.rstrip("/") + url.removeprefix(_ORIGIN)
    return Pin(tool, entry.version, asset, url, entry.sha256[asset])


def executable_name(tool: Tool, platform: str) -> str:
    """Return what the executable of a tool is called on a machine."""
    return f"{tool}.exe" if platform.startswith("win-") else tool


@dataclass(frozen=True)
class _Entry:
    version: str
    url: str
    sha256: Mapping[str, str]


@cache
def _data() -> dict[str, _Entry]:
    read = json.loads(Path(__file__).with_name("pins.json").read_bytes())
    return {
        name: _Entry(entry["version"], entry["url"], entry["sha256"])
        for name, entry in read.items()
        if isinstance(entry, dict)
    }
