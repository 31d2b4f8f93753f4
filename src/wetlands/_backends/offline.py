"""Whether the user turned the network off, as the variables of conda's world say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_offline"]

_NO = frozenset({"", "0", "false", "no", "off"})


def is_offline(env: Mapping[str, str], *more: str) -> bool:
    """Say whether ``CONDA_OFFLINE``, or another variable that is named, turns the network off."""
    return any(env.get(name, "").lower() not in _NO for name in ("CONDA_OFFLINE", *more))
