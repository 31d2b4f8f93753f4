"""The identity of a recipe: a hash of its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fingerprint"]


def fingerprint(plain: Mapping[str, object]) -> str:
    """Hash a recipe that was turned into JSON values.

    Equal recipes have equal fingerprints on every machine and with every version of this library that knows the
    format named in them.

    Args:
        plain: What ``Spec.to_json`` returns: everything whose order means nothing is sorted there.

    Returns:
        A SHA-256 in hexadecimal.
    """
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
