"""Builds from a lock with micromamba: its explicit list is a lock too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._backends.locks.build import LockedBackend
from wetlands._backends.micromamba.answers import Package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.locks.model import LockedPlatform
    from wetlands._backends.micromamba.backend import MicromambaBackend
    from wetlands._spec.model import Spec

__all__ = ["LockedMicromambaBackend"]


class LockedMicromambaBackend(LockedBackend):
    """Builds the conda packages of a lock with one ``micromamba create`` from an explicit list, and the rest with uv.

    Args:
        locked: The packages for this machine.
        env: The environment variables to work with, proxies included.
        base: What relative paths of the recipe begin at.
        tool: Runs micromamba.
    """

    def __init__(self, locked: LockedPlatform, env: Mapping[str, str], *, base: Path, tool: MicromambaBackend) -> None:
        super().__init__(locked, env, base=base)
        self._tool = tool

    @property
    def name(self) -> str:
        """The name a record stores."""
        return self._tool.name if self._locked.has_conda else super().name

    def _link(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        records = self._checked_records()
        self._tool.link_exactly([_package(record) for record in records], spec, prefix, observer)


def _package(record: RepoDataRecord) -> Package:
    return Package(
        record.name.normalized,
        str(record.version),
        str(record.build),
        record.url,
        record.md5.hex() if record.md5 else "",
        record.sha256.hex() if record.sha256 else "",
        record.size or 0,
    )
