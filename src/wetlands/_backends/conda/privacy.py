"""Takes credentials out of what the engine writes into a prefix about the packages that it linked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wetlands._spec import without_credentials

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["forget_credentials"]

_ADDRESSES = ("url", "channel", "requested_spec")


def forget_credentials(prefix: Path) -> None:
    """Leave ``user:password`` and tokens out of the addresses in ``conda-meta``, as conda does.

    The engine keeps the address that a package was downloaded from as it is.

    Raises:
        OSError: A file cannot be written.
    """
    for path in (prefix / "conda-meta").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        if without_credentials(text) != text:  # no file name looks like it: a quick answer for nearly all
            _rewrite(path, json.loads(text))


def _rewrite(path: Path, record: dict[str, object]) -> None:
    for key in _ADDRESSES:
        if isinstance(value := record.get(key), str):
            record[key] = without_credentials(value)
    requested = record.get("requested_specs")
    if isinstance(requested, list):
        record["requested_specs"] = [without_credentials(str(text)) for text in requested]
    # Beside it first: whoever reads or dies in the meantime finds the old text or the new one.
    staged = path.with_name(f"{path.name}.tmp")
    staged.write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")
    staged.replace(path)
