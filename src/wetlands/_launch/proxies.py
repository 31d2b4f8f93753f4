"""Proxies as environment variables: every tool and library reads them there, and no command line shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["proxy_variables"]

_SCHEMES = ("http", "https", "all", "no")


def proxy_variables(proxies: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that set proxies, in both spellings: some programs read the one, some the other.

    Args:
        proxies: URLs by scheme: ``{"http": ..., "https": ...}``; ``"all"``, and hosts without a proxy as ``"no"``.

    Raises:
        ValueError: There is another key.
    """
    unknown = sorted(set(proxies) - set(_SCHEMES))
    if unknown:
        raise ValueError(
            f"Proxies are given by scheme ({', '.join(_SCHEMES)}), not by {', '.join(map(repr, unknown))}."
        )
    names = {f"{scheme}_proxy": url for scheme, url in proxies.items()}
    return {**names, **{name.upper(): url for name, url in names.items()}}
