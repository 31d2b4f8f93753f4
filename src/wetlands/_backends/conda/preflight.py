"""What must hold before anything is downloaded: room on the disks, and a network where something is missing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._spec.secrets import masked
from wetlands.exceptions import DiskSpaceError, DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rattler import RepoDataRecord

__all__ = [
    "Room",
    "check_network",
    "check_room",
    "default_packages_folder",
    "missing_from",
    "rooms",
]

# Packages are compressed: extracted, they take at least their own size, and by experience this many times as much.
_LIKELY_RATIO = 3


@dataclass(frozen=True)
class Room:
    """What one disk must have free.

    Attributes:
        folder: A folder on it.
        least: Bytes that are needed in any case.
        likely: Bytes that are needed by experience.
    """

    folder: Path
    least: int
    likely: int


def missing_from(cache: Path, records: Sequence[RepoDataRecord]) -> tuple[RepoDataRecord, ...]:
    """Return the packages that a cache of extracted packages does not hold."""
    return tuple(record for record in records if not (cache / _folder_name(record) / "info" / "index.json").is_file())


def rooms(
    records: Sequence[RepoDataRecord], missing: Sequence[RepoDataRecord], *, cache: Path, prefix: Path
) -> tuple[Room, ...]:
    """Return what the disks of the cache and of the prefix must have free.

    Missing packages are extracted in the cache. On the same disk the prefix links to them, which takes no room; on
    another one it gets a copy of everything.
    """
    arriving = sum(record.size or 0 for record in missing)
    everything = sum(record.size or 0 for record in records)
    in_cache = Room(_existing(cache), arriving, arriving * _LIKELY_RATIO)
    if _device(cache) == _device(prefix):
        return (in_cache,)
    return (in_cache, Room(_existing(prefix), everything, everything * _LIKELY_RATIO))


def check_room(
    wanted: Iterable[Room], *, free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
) -> tuple[str, ...]:
    """Make sure that the disks have room.

    Returns:
        A sentence for each disk that has probably too little.

    Raises:
        DiskSpaceError: A disk has too little in any case.
    """
    doubts = []
    for room in wanted:
        there = free(room.folder)
        if there < room.least:
            raise DiskSpaceError(room.folder, room.least, there)
        if there < room.likely:
            doubts.append(str(DiskSpaceError(room.folder, room.likely, there)))
    return tuple(doubts)


def check_network(missing: Sequence[RepoDataRecord], *, offline: bool) -> None:
    """Make sure that nothing has to be downloaded where the network is not to be used.

    Raises:
        DownloadError: Something has to be.
    """
    if offline and missing:
        names = ", ".join(f"{record.name.normalized} {record.version}" for record in missing)
        raise DownloadError(
            masked(missing[0].url),
            f"The network is not used or cannot be reached, and the cache does not hold {names}",
            "Turn the network on once to fill the cache.",
        )


def default_packages_folder(env: Mapping[str, str], platform: str) -> Path | None:
    """Return where rattler keeps extracted packages unless it is told otherwise; None where that is not known here."""
    if platform.startswith("win-"):
        root = env.get("LOCALAPPDATA", "")
    elif platform.startswith("osx-"):
        root = f"{env['HOME']}/Library/Caches" if env.get("HOME") else ""
    else:
        root = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else "")
    return Path(root) / "rattler" / "cache" / "pkgs" if root else None


def _folder_name(record: RepoDataRecord) -> str:
    return f"{record.name.normalized}-{record.version}-{record.build}"


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _device(path: Path) -> int:
    return _existing(path).stat().st_dev
