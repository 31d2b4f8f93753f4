"""Looks whether an extracted package in the cache is still what was downloaded, before it is linked a second time.

A file of an environment is often the same one as in the cache (a hard link): whoever changed it changed both.
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.integrity.check import has_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rattler import PrefixRecord

__all__ = ["drop_damaged"]


def drop_damaged(records: Iterable[PrefixRecord]) -> tuple[str, ...]:
    """Take packages out of the cache whose files there are damaged too, so that they are downloaded again.

    Returns:
        Their names.

    Raises:
        OSError: The cache cannot be written to.
    """
    dropped = []
    for record in records:
        folder = Path(record.extracted_package_dir) if record.extracted_package_dir else None
        if folder is not None and folder.is_dir() and not _intact(folder):
            aside = folder.with_name(f"{folder.name}.damaged-{secrets.token_hex(4)}")
            folder.rename(aside)  # in one step: nobody links from half of it
            shutil.rmtree(aside, ignore_errors=True)
            dropped.append(record.name.normalized)
    return tuple(dropped)


def _intact(folder: Path) -> bool:
    try:
        listed = json.loads((folder / "info" / "paths.json").read_bytes())["paths"]
        return all(
            has_digest(folder / str(entry["_path"]), "sha256", bytes.fromhex(entry["sha256"]))
            for entry in listed
            if entry.get("sha256") and entry.get("path_type") == "hardlink"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
