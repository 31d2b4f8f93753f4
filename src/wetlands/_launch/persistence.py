"""The persistent workers of an instance: who has some, how they are reached, and that there is one set at a time."""

from __future__ import annotations

import logging
import shlex
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._launch.keeper import Keeper
from wetlands._launch.keeper_start import start_keeper
from wetlands._store.keepers import described, keepers_folder, known_keepers
from wetlands._store.keys import auth_key, private_folder
from wetlands._store.lock import program_name
from wetlands._store.paths import Layout
from wetlands.exceptions import AttachError, LaunchError
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wetlands._store.parties import Party

__all__ = ["AlreadyLaunchedError", "Persistence"]

_LAUNCH_SECONDS = 120.0
_CLAIM_SECONDS = 10.0

_log = logging.getLogger("wetlands")


class AlreadyLaunchedError(LaunchError):
    """There are live workers; another program may have launched them just now."""


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
        """Hold the right to launch the workers of an environment, which has none, so that never two programs do.

        Raises:
            LaunchError: There are workers; or another program has held it for minutes.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, see _store.lock

        auth_key(self.root)  # makes the folder above, for this user alone
        lock = FileLock(private_folder(keepers_folder(self.root)) / f"{name}.lock")
        try:
            with suppress(Timeout):
                lock.acquire(timeout=0)
            if not lock.is_locked:
                _log.info("Another program is launching persistent workers of %r; waiting for it", name)
                lock.acquire(timeout=_LAUNCH_SECONDS)
        except Timeout:
            reason = f"another program has been launching its persistent workers for {_LAUNCH_SECONDS:g} s"
            raise LaunchError(name, f"{reason} ({lock.lock_file} is locked)") from None
        try:
            found = self.find(name)
            if found is not None:
                there = f"there are {described(found)} already. Use attach() or launch_or_attach()"
                raise AlreadyLaunchedError(name, f"{there}. {self._advice(found)}")
            yield
        finally:
            lock.release()

    @contextmanager
    def finding(self, name: str, generation: str | None) -> Iterator[Party]:
        """Find the keeper of live workers that this program may use; an error of the block says where they are.

        Args:
            name: The environment.
            generation: The build of it that they have to run; None: any.

        Raises:
            AttachError: There are none, or they are not to be used.
        """
        found = self.find(name)
        if found is None:
            advice = "Start some with launch(persistent=True), or use launch_or_attach()."
            raise AttachError(name, "there are none", advice=advice)
        try:
            _check(name, found, generation)
            yield found
        except AttachError as error:
            raise AttachError(name, error.reason, described(found), error.advice or self._advice(found)) from error

    def find(self, name: str) -> Party | None:
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

    def claim(self, keeper: Party, timeout: float) -> Keeper:
        """Get live workers, and wait for a while when another program has them.

        Raises:
            AttachError: They cannot be had.
        """
        _, key = auth_key(self.root)
        return Keeper.claim(keeper.address, keeper.process.pid, key, timeout, keeper.program)

    def _advice(self, keeper: Party) -> str:
        """What somebody can do who cannot attach to workers."""
        command = shlex.join(("wetlands", "-wip", str(self.root), "kill", "-n", keeper.program))
        return f"Try again when they are free, or stop them: `{command}`, or `kill {keeper.process.pid}`."


def _check(name: str, keeper: Party, generation: str | None) -> None:
    if keeper.protocol != PROTOCOL_VERSION:
        raise AttachError(
            name,
            f"they were launched by wetlands {keeper.version}, which speaks version {keeper.protocol} of the protocol, "
            f"and this is wetlands {_version()}, which speaks version {PROTOCOL_VERSION}",
        )
    if generation is not None and keeper.generation != generation:
        raise AttachError(
            name,
            f"they run an earlier build of it ({keeper.generation}, now it is {generation})",
            advice="launch_or_attach() takes their results, ends them, and launches new ones.",
        )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import

    try:
        return version("wetlands")
    except PackageNotFoundError:  # run from its sources
        return "unknown"
