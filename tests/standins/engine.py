"""The real work of the stand-ins: solving and linking with py-rattler, in one process per command."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from rattler import (
    BuildString,
    Channel,
    ChannelPriority,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageCache,
    PackageName,
    PrefixRecord,
    Version,
    VirtualPackage,
    VirtualPackageOverrides,
    install,
    solve,
)

from wetlands._platform.names import current_platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rattler import RepoDataRecord

HERE = current_platform()


def solved(
    channels: Sequence[str],
    specs: Sequence[str],
    *,
    repodata: Path | None = None,
    installed: Sequence[RepoDataRecord] = (),
    strict: bool = True,
    machine: Mapping[str, str] | None = None,
) -> list[RepoDataRecord]:
    """The packages that fit."""

    async def work() -> list[RepoDataRecord]:
        return await solve(
            [Channel(url) for url in channels],
            specs,
            gateway=Gateway(repodata),
            platforms=(HERE, "noarch"),  # type: ignore[arg-type]
            locked_packages=installed,
            virtual_packages=_virtual(machine),
            channel_priority=ChannelPriority.Strict if strict else ChannelPriority.Disabled,
        )

    return asyncio.run(work())


def _virtual(machine: Mapping[str, str] | None) -> Sequence[GenericVirtualPackage | VirtualPackage]:
    if machine is None:
        return VirtualPackage.detect(VirtualPackageOverrides.from_env())
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))
        for name, version in machine.items()
    ]


def records(channels: Sequence[str], specs: Sequence[str], *, repodata: Path | None = None) -> list[RepoDataRecord]:
    """All packages that match one of the specs, dependencies left out; the best ones last."""

    async def work() -> list[list[RepoDataRecord]]:
        wanted = [MatchSpec(spec) for spec in specs]
        return await Gateway(repodata).query(
            [Channel(url) for url in channels],
            (HERE, "noarch"),  # type: ignore[arg-type]
            wanted,
            recursive=False,
        )

    found = itertools.chain.from_iterable(asyncio.run(work()))
    return sorted(found, key=lambda record: (record.version, record.build_number))


def linked(prefix: Path, wanted: Sequence[RepoDataRecord], *, cache: Path) -> None:
    """Make a prefix hold exactly these packages."""

    async def work() -> None:
        await install(
            list(wanted),
            prefix,
            package_cache=PackageCache(cache),
            show_progress=False,
            execute_link_scripts=False,
        )

    cache.mkdir(parents=True, exist_ok=True)
    asyncio.run(work())


def installed_in(prefix: Path) -> list[PrefixRecord]:
    """What a prefix holds."""
    return [PrefixRecord.from_path(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]


def is_cached(record: RepoDataRecord, cache: Path) -> bool:
    """Whether a package need not be downloaded."""
    stem = record.file_name.removesuffix(".tar.bz2").removesuffix(".conda")
    return any(cache.glob(f"{stem}*"))
