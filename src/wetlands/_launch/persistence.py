"""The persistent workers of an instance: who has some, how they are reached, and that there is one set at a time."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._launch.keeper import Keeper
from wetlands._launch.keeper_start import start_keeper
from wetlands._store.keepers import keepers_folder, known_keepers
from wetlands._store.keys import auth_key, private_folder
from wetlands._store.lock import program_name
from wetlands._store.paths import Layout
from wetlands.exceptions import AttachError, LaunchError
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wetlands._store.keepers import KeeperNote

__all__ = ["Persistence", "checked_note"]

_LAUNCH_SECONDS = 120.0
_CLAIM_SECONDS = 10.0


@dataclass(frozen=True)
class Persistence:
    """What concerns the persistent workers of one instance.

    Attributes:
        root: The instance folder.
        log: The file that they log into while no program is there, or None.
    """

    root: Path
    log: Path | None

    @contextmanager
    def launching(self, name: str) -> Iterator[None]:
        """Hold the right to launch the workers of an environment, so that never two programs do.

        Raises:
            LaunchError: Another program has held it for minutes.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, see _store.lock

        auth_key(self.root)  # makes the folder above, for this user alone
        lock = FileLock(private_folder(keepers_folder(self.root)) / f"{name}.lock")
        try:
            lock.acquire(timeout=_LAUNCH_SECONDS)
        except Timeout:
            reason = f"another program has been launching its persistent workers for {_LAUNCH_SECONDS:g} s"
            raise LaunchError(name, f"{reason} ({lock.lock_file} is locked)") from None
        try:
            yield
        finally:
            lock.release()

    def find(self, name: str) -> KeeperNote | None:
        """The live workers of an environment, or None."""
        return next(iter(known_keepers(self.root, name)), None)

    def start(
        self,
        name: str,
        python: Path,
        variables: Mapping[str, str],
        *,
        generation: str | None,
        keep_seconds: float,
        tcp: bool,
    ) -> Keeper:
        """Start a keeper, without workers yet; it is ours.

        Args:
            name: The environment.
            python: Its interpreter.
            variables: The variables of its processes.
            generation: Which build of it that is; None where others made it.
            keep_seconds: For how long answers are kept that no program has read.
            tcp: Whether it listens at a port instead of a Unix socket.

        Raises:
            LaunchError: It cannot be started.
        """
        key_path, key = auth_key(self.root)
        settings = {
            "folder": str(private_folder(keepers_folder(self.root))),
            "key": str(key_path),
            "environment": name,
            "generation": generation,
            "record": None if generation is None else str(Layout(self.root).record(name)),
            "log": None if self.log is None else str(self.log),
            "tcp": tcp,
            "keep_seconds": keep_seconds,
            "version": _version(),
            "program": program_name(sys.argv, sys.executable),
        }
        pid, address = start_keeper(python, variables, settings, who=name)
        try:
            return Keeper.claim(address, pid, key, _CLAIM_SECONDS, name)
        except AttachError as error:
            raise LaunchError(name, error.reason) from error

    def claim(self, note: KeeperNote, timeout: float) -> Keeper:
        """Get live workers, and wait for a while when another program has them.

        Raises:
            AttachError: They cannot be had.
        """
        _, key = auth_key(self.root)
        return Keeper.claim(note.address, note.process.pid, key, timeout, note.environment)

    def advice(self, note: KeeperNote) -> str:
        """What somebody can do who cannot attach to workers."""
        return (
            f"Try again when they are free, or stop them: `wetlands -wip {_quoted(self.root)} kill -n "
            f"{note.environment}`, or `kill {note.process.pid}`."
        )


def checked_note(name: str, note: KeeperNote | None, generation: str | None) -> KeeperNote:
    """Return a note whose workers this program may use.

    Args:
        name: The environment.
        note: What is known of its workers.
        generation: The build of it that they have to run; None: any.

    Raises:
        AttachError: There are none, or they are not to be used.
    """
    if note is None:
        raise AttachError(
            name, "there are none", advice="Start some with launch(persistent=True), or use launch_or_attach()."
        )
    if note.protocol != PROTOCOL_VERSION:
        raise AttachError(
            name,
            f"they were launched by wetlands {note.version}, which speaks version {note.protocol} of the protocol, and "
            f"this is wetlands {_version()}, which speaks version {PROTOCOL_VERSION}",
        )
    if generation is not None and note.generation != generation:
        raise AttachError(
            name,
            f"they run an earlier build of it ({note.generation}, now it is {generation})",
            advice="launch_or_attach() takes their results, ends them, and launches new ones.",
        )
    return note


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import

    try:
        return version("wetlands")
    except PackageNotFoundError:  # run from its sources
        return "unknown"


def _quoted(path: Path) -> str:
    text = os.fspath(path)
    return f'"{text}"' if " " in text else text
