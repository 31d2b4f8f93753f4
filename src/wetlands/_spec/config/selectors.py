"""The systems and platforms that parts of a config file are limited to."""

from __future__ import annotations

from wetlands._spec.platforms import PLATFORMS

__all__ = ["rank", "selects"]

_SYSTEMS = ("unix", "linux", "osx", "win")


def selects(selector: str, platform: str) -> bool:
    """Tell whether a selector (``unix``, ``linux``, ``osx``, ``win``, or a platform) means a platform."""
    system = platform.partition("-")[0]
    return selector in {platform, system} or (selector == "unix" and system in {"linux", "osx"})


def rank(selector: str) -> int | None:
    """Return how narrow a selector is, from 0 for the widest; None for one that is not known."""
    if selector in PLATFORMS:
        return len(_SYSTEMS)
    return _SYSTEMS.index(selector) if selector in _SYSTEMS else None
