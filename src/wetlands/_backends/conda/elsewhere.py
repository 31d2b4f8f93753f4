"""Whether a package that no channel has for this platform is there for others: then that is what people must hear."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import TYPE_CHECKING, Literal

from rattler import MatchSpec

from wetlands._backends.conda.errors import ENGINE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rattler import Channel, Gateway

_Platform = Literal["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64", "win-arm64"]

__all__ = ["elsewhere", "without_candidates"]

_PLATFORMS: tuple[_Platform, ...] = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64", "win-arm64")
# It is only asked to explain an error: the indexes of other platforms may be large, and are rarely cached.
_SEARCH_SECONDS = 3.0
_MOST = 3
_NOT_KNOWN: tuple[type[BaseException], ...] = (asyncio.TimeoutError, *ENGINE_ERRORS)
_NONE_FOUND = re.compile(
    r"No candidates were found for (?P<asked>[^\n]+?)\.?(?:\n|$)"
    r"|(?:─ |requires? )(?P<needed>[\w.-]+(?: [^\n]+?)?), for which no candidates were found"
)


def without_candidates(reason: str) -> tuple[str, ...]:
    """Return what a solver found no package for, as it writes it; virtual packages, which no channel has, count not."""
    found = (match["asked"] or match["needed"] for match in _NONE_FOUND.finditer(reason))
    return tuple(dict.fromkeys(text.strip() for text in found if not text.startswith("__")))


async def elsewhere(reason: str, sources: Sequence[Channel], gateway: Gateway, platform: str) -> str:
    """Name what exists for other platforms only, a sentence each; empty where there is nothing, or no time to look.

    Args:
        reason: What the solver said.
        sources: The channels.
        gateway: What knows their packages.
        platform: The platform that was solved for.
    """
    told = []
    try:
        for text in without_candidates(reason)[:_MOST]:
            found = await asyncio.wait_for(_platforms_with(text, sources, gateway, platform), _SEARCH_SECONDS)
            if found:
                told.append(f"{text} exists for {', '.join(found)}, and not for {platform}.")
    except _NOT_KNOWN:
        pass  # what was found is told, the rest is not known
    return " ".join(told)


async def _platforms_with(text: str, sources: Sequence[Channel], gateway: Gateway, platform: str) -> list[str]:
    wanted = MatchSpec(text)
    others = tuple(other for other in _PLATFORMS if other != platform)
    answer = await gateway.query(list(sources), others, [wanted.name.normalized], recursive=False)
    records = itertools.chain.from_iterable(answer)
    found = {record.subdir for record in records if wanted.matches(record)}
    return sorted(found & set(others))
