"""The two log files of a manager's instance folder, and which records belong in them."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._logs.attributes import records_of
from wetlands._logs.handlers import FileHandler
from wetlands._logs.records import the_logger

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

ENVIRONMENTS_FILE = "environments.log"


class _InstanceFile(FileHandler):
    """One open file; two managers of one instance, or with one `log_file_path`, write it through one handler."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.owners: list[_Part] = []

    def filter(self, record: logging.LogRecord) -> bool:
        known = vars(record)
        instance, workers = known.get("instance"), known.get("log_source") == "execution"
        wanted = any(part.workers == workers and instance in {None, part.instance} for part in tuple(self.owners))
        return wanted and super().filter(record)


@dataclass(frozen=True)
class _Part:
    """Which records somebody wants in a file: those of an instance, either of its workers or all others."""

    instance: str
    workers: bool


_lock = threading.Lock()
_files: dict[Path, _InstanceFile] = {}


class InstanceLogs:
    """The log files of one manager: ``wetlands.log`` for its own records, ``environments.log`` for all its workers.

    A record belongs to the instance that its attribute ``instance`` names: give ``instance=logs.instance`` with it, or
    log inside ``with logs.attributed():``. Records that name no instance (a plain ``logger.info(...)`` of the program)
    belong to every open one. Output of workers (``log_source`` "execution") goes to ``environments.log`` only.

    Nothing is opened before the first record, and no folder made; what is open is closed by `close`.

    Attributes:
        instance: What the records of this instance carry in their attribute ``instance``.
        path: The file of the manager's records, or ``None``.
        environments_path: The file of the workers' output, or ``None``.
    """

    def __init__(self, instance_path: Path, log_file_path: Path | str | None = "wetlands.log") -> None:
        folder = instance_path.absolute()
        self.instance = str(folder)
        self.path = None if log_file_path is None else folder / log_file_path
        self.environments_path = None if log_file_path is None else folder / ENVIRONMENTS_FILE
        self._held: list[tuple[_InstanceFile, _Part]] = []

    def attributed(self) -> AbstractContextManager[None]:
        """Records made inside the block, by this thread, belong to this instance."""
        return records_of(self.instance)

    def open(self, level: int = logging.INFO) -> None:
        """Start to receive records of that level and above; again has no effect."""
        with _lock:
            if not self._held:
                for path, workers in ((self.path, False), (self.environments_path, True)):
                    if path is not None:
                        self._held.append(_hold(path, _Part(self.instance, workers), level))

    def close(self) -> None:
        """Stop to receive records and close the files; again has no effect."""
        with _lock:
            held, self._held = self._held, []
            for file, part in held:
                _release(file, part)


def _hold(path: Path, part: _Part, level: int) -> tuple[_InstanceFile, _Part]:
    file = _files.get(path)
    if file is None:
        file = _files[path] = _InstanceFile(path)
        file.setLevel(level)
        the_logger().add_own_handler(file)
    file.setLevel(min(level, file.level))
    file.owners.append(part)
    return file, part


def _release(file: _InstanceFile, part: _Part) -> None:
    file.owners.remove(part)
    if not file.owners:
        _files.pop(file.path)
        the_logger().removeHandler(file)
        file.retire()
