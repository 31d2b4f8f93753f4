"""The environments of one instance folder: their records, and who uses them."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wetlands._store.files import write_atomically
from wetlands._store.paths import Layout
from wetlands._store.progress import LoggedBuild
from wetlands._store.reclaim import Reclaimer
from wetlands._store.record import Record
from wetlands._store.steps import unwatched
from wetlands.exceptions import EnvironmentNotFoundError, RecordError
from wetlands.logger import logger

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._store.steps import Reached
    from wetlands._store.usage import Mark

__all__ = ["Store"]


class Store:
    """What an instance folder holds.

    Making one touches nothing. Reading takes no lock and starts nothing; whoever writes holds `lock.builder_lock`.

    Args:
        root: The instance folder, absolute.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.reclaimer = Reclaimer(self.layout.debris)

    def names(self) -> tuple[str, ...]:
        """Return the names of the environments that exist, in order."""
        return self.layout.names()

    def record(self, name: str) -> Record | None:
        """Return what is known about an environment, or None when there is none.

        Raises:
            RecordError: Its record is damaged, or was written by another version in another format.
        """
        path = self.layout.record(name)
        record = Record.read(path)
        if record is not None and record.name != name:
            raise RecordError(path, f"it was written for the environment {record.name!r}")
        return record

    def prefix_path(self, record: Record) -> Path:
        """Return the folder that the files of an environment lie in."""
        return self.layout.prefix(record.name, record.generation)

    def write(self, record: Record, *, reached: Reached = unwatched) -> None:
        """Make a record the current one, in one step; the caller holds the builder lock.

        Raises:
            OSError: It cannot be written; the one before is still the current one.
        """
        write_atomically(
            self.layout.record(record.name),
            record.to_text(),
            staged=self.layout.staged_record(record.name),
            reached=reached,
        )

    def last_used(self, record: Record) -> datetime:
        """Return when workers of an environment last began or ended, or `note_use` was called, in UTC."""
        for path in (self.layout.users(record.name, record.generation), self.layout.record(record.name)):
            with suppress(OSError):
                return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        return datetime.now(timezone.utc)

    def note_use(self, record: Record) -> None:
        """Note that an environment is wanted now.

        The time of the folder of its users is the note: it changes by itself whenever one comes or goes. Where that
        folder cannot be written to nothing can be removed either.
        """
        with suppress(OSError):
            os.utime(self.layout.users(record.name, record.generation))

    def mark_in_use(self, record: Record, *, pid: int | None = None) -> Mark:
        """Say that a process uses an environment, so that no process removes this generation.

        The use ends when the mark is released, or with the process. In an instance folder that cannot be written to
        nobody can say so, and nobody else can remove anything either: the mark then does nothing.

        Args:
            record: The environment and the generation.
            pid: The process, this one by default. Another one may outlive us: then do not release the mark.

        Raises:
            EnvironmentNotFoundError: The generation was removed. Read the record again: there may be a new one.
        """
        # Not at the top: it imports psutil, and a create() that finds all as asked has no use for that.
        from wetlands._store.usage import Mark, mark  # noqa: PLC0415

        gate = self.layout.users(record.name, record.generation)
        user = os.getpid() if pid is None else pid
        try:
            try:
                return mark(gate, user)
            except FileNotFoundError:
                self._reopen(record)
                return mark(gate, user)
        except FileNotFoundError:
            raise EnvironmentNotFoundError(
                f"Generation {record.generation} of environment {record.name!r} was removed meanwhile, by a build that "
                "replaced it or by delete()."
            ) from None
        except OSError as error:
            logger.log_environment(
                logging.DEBUG, "Cannot note that this environment is used: %s", error, env_name=record.name
            )
            return Mark(None)

    def _reopen(self, record: Record) -> None:
        """Let an environment be used again that a process began to delete, and died."""
        from wetlands._store.lock import builder_lock  # noqa: PLC0415 - needed here only, and rarely
        from wetlands._store.usage import open_gate  # noqa: PLC0415 - as above

        if not self.layout.record(record.name).exists():
            return  # not even a folder shall be made for one that is gone
        with builder_lock(self.layout, record.name, LoggedBuild(record.name, "launch")):
            current = self.record(record.name)
            if current is not None and current.generation == record.generation:
                open_gate(self.layout.users(record.name, record.generation))
