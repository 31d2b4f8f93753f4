"""A recipe as it is stored and compared: without the credentials that its addresses may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wetlands._spec.secrets import without_credentials

if TYPE_CHECKING:
    from wetlands._spec.model import Spec
    from wetlands._spec.pypi import PypiRequirement
    from wetlands._spec.settings import PypiSettings

__all__ = ["storable"]


def storable(spec: Spec) -> Spec:
    """Return a recipe that may be written to disk; equal to the given one when that holds no credentials.

    Everything else stays, so it is still known which channel, index or file was asked for. Built again it asks
    without credentials: whoever has given them to the tools themselves (``pixi auth login``, netrc) notices nothing.
    """
    return replace(
        spec,
        conda=tuple(replace(entry, channel=without_credentials(entry.channel)) for entry in spec.conda),
        channels=tuple(without_credentials(channel) for channel in spec.channels),
        pypi=tuple(_pypi(entry) for entry in spec.pypi),
        constraints=tuple(_pypi(entry) for entry in spec.constraints),
        settings=_settings(spec.settings),
    )


def _pypi(entry: PypiRequirement) -> PypiRequirement:
    return replace(entry, url=without_credentials(entry.url), index=without_credentials(entry.index))


def _settings(settings: PypiSettings) -> PypiSettings:
    return replace(
        settings,
        index_url=without_credentials(settings.index_url),
        extra_index_urls=tuple(without_credentials(url) for url in settings.extra_index_urls),
        find_links=tuple(without_credentials(url) for url in settings.find_links),
        overrides=tuple(without_credentials(text) for text in settings.overrides),
    )
