"""Takes the one executable out of a release archive, and nothing else."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, TypeVar

from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LARGEST_EXECUTABLE", "extract"]

LARGEST_EXECUTABLE = 512 * 1024 * 1024
"""How many bytes an executable may have; the tools have less than a quarter of it."""

_PIECE = 1024 * 1024
_M = TypeVar("_M")


def extract(archive: Path, asset: str, program: str, target: Path, *, largest: int = LARGEST_EXECUTABLE) -> None:
    """Write the executable of a release to a new file, with the right to be executed.

    A member of an archive is found by the last part of its path, and no path of the archive is ever written to:
    whatever else is in it (folders, links, `..`) has no effect.

    Args:
        archive: The file as it was downloaded.
        asset: What the release calls it; its ending tells the format. Without one it is the executable itself.
        program: The name of the executable.
        target: The file to write. It must not exist; after an error it may.
        largest: How many bytes it may have.

    Raises:
        ProvisioningError: The archive is damaged, holds no or several such files, or one that is too large.
        OSError: The target cannot be written.
    """
    with _opened(archive, asset, program) as source, target.open("xb") as file:
        _copy(source, file, asset, largest)
        file.flush()
        os.fsync(file.fileno())
    target.chmod(0o755)


@contextmanager
def _opened(archive: Path, asset: str, program: str) -> Iterator[IO[bytes]]:
    try:
        if asset.endswith((".tar.gz", ".tar.bz2")):
            with tarfile.open(archive, "r:gz" if asset.endswith("gz") else "r:bz2") as tar:
                members = [member for member in tar if member.isfile() and _is(program, member.name)]
                source = tar.extractfile(_only(members, asset, program))
                if source is None:
                    raise _damaged(asset, f"{program} in it is no file")
                with source:
                    yield source
        elif asset.endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                entries = [entry for entry in zipped.infolist() if not entry.is_dir() and _is(program, entry.filename)]
                with zipped.open(_only(entries, asset, program)) as source:
                    yield source
        else:
            with archive.open("rb") as source:
                yield source
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _damaged(asset, str(error)) from error


def _is(program: str, path: str) -> bool:
    return PurePosixPath(path.replace("\\", "/")).name == program


def _only(members: list[_M], asset: str, program: str) -> _M:
    if len(members) != 1:
        raise _damaged(asset, f"it should hold one file {program}, and holds {len(members)}")
    return members[0]


def _copy(source: IO[bytes], target: IO[bytes], asset: str, largest: int) -> None:
    """Copy with a limit: what an archive says of the size of its members may be wrong."""
    left = largest
    while piece := source.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise _damaged(asset, f"its executable is larger than {largest} bytes")
        target.write(piece)


def _damaged(asset: str, reason: str) -> ProvisioningError:
    return ProvisioningError(
        f"{asset} is not what a release should be: {reason}. Nothing was installed; report it with this message."
    )
