"""Small pure wheels, written by hand, so that tests install packages without a registry and without a build."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_wheel(
    folder: Path, name: str, version: str = "1.0", *, requires: Sequence[str] = (), padding: int = 0
) -> Path:
    """Write `<name>-<version>-py3-none-any.whl` with one module, `<name>.py`, whose `VERSION` is the version.

    `padding` is a number of bytes by which it is larger.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    dist_info = f"{name}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {one}" for one in requires),
    ]
    files = {
        f"{name}.py": f"VERSION = {version!r}\n" + "#" * padding,
        f"{dist_info}/METADATA": "\n".join(metadata) + "\n\nA package of the tests.\n",
        f"{dist_info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},{_hash(text)},{len(text.encode())}\n" for file, text in files.items())
    record += f"{dist_info}/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in {**files, f"{dist_info}/RECORD": record}.items():
            archive.writestr(file, text)
    return wheel


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
