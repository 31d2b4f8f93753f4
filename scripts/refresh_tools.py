"""Writes the pinned releases of pixi and micromamba anew, from the metadata of their releases.

    uv run scripts/refresh_tools.py [pixi=v0.73.0] [micromamba=2.8.1-0]

Without a version the newest release is taken. The SHA-256 comes from the metadata of the release, and from the
checksum file beside an asset where there is one: both must agree. Nothing else is downloaded. Run the contract tests
with the new binaries before the change is merged (`WETLANDS_TEST_PIXI`, `WETLANDS_TEST_MICROMAMBA`).
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.tools.pins import ASSETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._backends.tools.pins import Tool

PINS = Path(__file__).parents[1] / "src" / "wetlands" / "_backends" / "tools" / "pins.json"
REPOSITORIES: dict[Tool, str] = {"pixi": "prefix-dev/pixi", "micromamba": "mamba-org/micromamba-releases"}
API = "https://api.github.com"
SITE = "https://github.com"
_DIGEST = 64
_NOT_FOUND = 404


def refreshed(tool: Tool, version: str = "", *, api: str = API, site: str = SITE) -> dict[str, object]:
    """Return the entry of one tool for `pins.json`.

    Args:
        tool: The tool.
        version: The tag of the release; empty for the newest one.
        api: Where the metadata is.
        site: Where the assets are.

    Raises:
        SystemExit: An asset is missing, or its checksums contradict each other.
    """
    repository = REPOSITORIES[tool]
    release = json.loads(_read(f"{api}/repos/{repository}/releases/{f'tags/{version}' if version else 'latest'}"))
    tag = str(release["tag_name"])
    digests = {asset["name"]: str(asset.get("digest") or "") for asset in release["assets"]}
    address = f"{site}/{repository}/releases/download/{tag}"
    hashes = {name: _sha256(name, digests, address) for name in sorted(set(ASSETS[tool].values()))}
    return {
        "version": tag,
        "url": f"{SITE}/{repository}/releases/download/{{version}}/{{asset}}",
        "sha256": hashes,
    }


def _sha256(name: str, digests: dict[str, str], address: str) -> str:
    if name not in digests:
        raise SystemExit(f"the release has no {name}")
    try:
        beside = _read(f"{address}/{name}.sha256").decode().split()[0].lower()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != _NOT_FOUND:
            raise
        beside = ""
    stated = {digest for digest in (digests[name].removeprefix("sha256:").lower(), beside) if digest}
    if len(stated) != 1:
        raise SystemExit(f"{name} has {'contradicting checksums' if stated else 'no checksum'}")
    found = stated.pop()
    if len(found) != _DIGEST or set(found) - set("0123456789abcdef"):
        raise SystemExit(f"{name} has no SHA-256: {found!r}")
    return found


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own addresses
        content: bytes = answer.read()
        return content


def main(arguments: Sequence[str]) -> None:
    """Refresh the tools that are named, or all."""
    wanted = dict(argument.partition("=")[::2] for argument in arguments)
    pins = json.loads(PINS.read_bytes())
    for tool in REPOSITORIES:
        if not wanted or tool in wanted:
            pins[tool] = refreshed(tool, wanted.get(tool, ""))
            print(f"{tool} {pins[tool]['version']}")
    PINS.write_text(json.dumps(pins, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
