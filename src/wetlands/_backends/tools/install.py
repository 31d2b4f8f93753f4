"""Installs a pinned release: by one process at a time, completely or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from wetlands._backends.tools.download import download
from wetlands._backends.tools.extract import extract
from wetlands._spec.secrets import masked
from wetlands.exceptions import DownloadError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.tools.pins import Pin

__all__ = ["install"]

_LOOK_SECONDS = 0.1
_PIECE = 1024 * 1024
_STAGED = ".staged-"


def install(pin: Pin, executable: Path, *, env: Mapping[str, str], observer: BuildObserver) -> None:
    """Download a release, check it, and put its executable in place.

    Nothing of the release is executed or unpacked before its SHA-256 was checked. Whatever interrupts this, what was
    at the place before is still there; what has been downloaded is kept and continued the next time.

    Args:
        pin: The release.
        executable: Where to put the executable.
        env: The variables, with proxies and certificates.
        observer: Hears how far it is, and may stop it.

    Raises:
        DownloadError: It cannot be had, or is not what it should be.
        ProvisioningCanceledError: The observer asked to stop.
        ProvisioningError: The archive is damaged, or the folder cannot be written to.
    """
    folder = executable.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _turn(folder / f".{pin.tool}.lock", pin, observer):
            if executable.is_file():
                return  # somebody else has installed it while we waited
            _sweep(folder)
            archive = folder / f".{pin.version}-{pin.asset}.part"
            _fetch(pin, archive, env, observer)
            _put(archive, pin, executable)
            archive.unlink()
    except OSError as error:
        raise ProvisioningError(
            f"{pin.tool} could not be installed in {folder} ({error}). Free some space, choose a folder that can be "
            "written to, or install it by other means and name its executable with conda_path=..."
        ) from error


def _fetch(pin: Pin, archive: Path, env: Mapping[str, str], observer: BuildObserver) -> None:
    observer.stage("download", masked(f"Downloading {pin.tool} {pin.version} from {pin.url}"))
    continued = download(pin.url, archive, env=env, observer=observer)
    found = _sha256(archive)
    if found != pin.sha256 and continued:
        # The part that was there may have been of something else: that is no reason to fail.
        observer.output(f"What was continued is not {pin.asset}; downloading it from the beginning")
        archive.unlink()
        download(pin.url, archive, env=env, observer=observer)
        found = _sha256(archive)
    if found != pin.sha256:
        archive.unlink()
        raise DownloadError(
            masked(pin.url),
            f"What was downloaded is not {pin.asset} of {pin.tool} {pin.version}: its SHA-256 is {found} instead of "
            f"{pin.sha256}. It was deleted and never executed",
            "A proxy or a mirror may have answered with something else: look at what the address gives.",
        )


def _put(archive: Path, pin: Pin, executable: Path) -> None:
    staged = executable.parent / f"{_STAGED}{secrets.token_hex(4)}"
    with ExitStack() as undo:
        undo.callback(_unlink, staged)
        extract(archive, pin.asset, executable.name, staged)
        os.replace(staged, executable)  # noqa: PTH105 - one name for both systems: it replaces
        undo.pop_all()


@contextmanager
def _turn(lock: Path, pin: Pin, observer: BuildObserver) -> Iterator[None]:
    """Hold the right to install; while waiting, say for whom."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - takes tens of milliseconds, and is rarely needed

    holder = lock.with_suffix(".holder")
    held = FileLock(lock, thread_local=False)
    told = False
    while not held.is_locked:
        if observer.cancel_requested:
            raise ProvisioningCanceledError(f"Cancelled while {_describe(holder)} installs {pin.tool}.")
        with suppress(Timeout):
            held.acquire(timeout=_LOOK_SECONDS if told else 0, poll_interval=_LOOK_SECONDS / 2)
            break
        if not told:
            told = True
            observer.stage("waiting", f"{_describe(holder)} is installing {pin.tool} in {lock.parent}; waiting for it.")
    try:
        with suppress(OSError):  # it only explains
            holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        _unlink(holder)
        held.release()


def _describe(holder: Path) -> str:
    try:
        return f"Process {int(holder.read_text(encoding='utf-8'))}"
    except (OSError, ValueError):
        return "Another process"


def _sweep(folder: Path) -> None:
    """Remove what an installer left that was killed."""
    for staged in folder.glob(f"{_STAGED}*"):
        _unlink(staged)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hashed.update(piece)
    return hashed.hexdigest()
