"""Gives back the space of what was set aside, in the background; what cannot be deleted now waits for the next time."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._store.files import remove_tree
from wetlands.logger import logger

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Reclaimer"]


class Reclaimer:
    """Deletes the entries of one folder of debris.

    Setting aside is a rename, so it takes no time however large the folder is, and what was set aside is never seen
    half deleted. The thread is a daemon: a program that ends leaves the rest to the next one.
    """

    def __init__(self, debris: Path) -> None:
        self._debris = debris
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again = False

    def set_aside(self, path: Path, label: str) -> None:
        """Take a folder out of sight, to be deleted later.

        Where it cannot be renamed (another device, a full disk) it is deleted on the spot, as far as that is possible.

        Args:
            path: The folder; when it is gone already, nothing happens.
            label: What to call it among the debris.
        """
        try:
            self._rename(path, f"{label}-{secrets.token_hex(4)}")
        except OSError as error:
            logger.log_global(logging.DEBUG, "%s is deleted where it is: it cannot be set aside (%s).", path, error)
            if not remove_tree(path):
                logger.log_global(logging.INFO, "%s cannot be deleted now; the next build tries again.", path)

    def _rename(self, path: Path, name: str) -> None:
        while os.path.lexists(path):
            self._debris.mkdir(parents=True, exist_ok=True)
            # Between the two lines another process may have removed the folder of debris, because it was empty.
            with suppress(FileNotFoundError):
                path.rename(self._debris / name)

    def start(self) -> None:
        """Begin to delete what is there, unless it is being done already."""
        if not self._debris.is_dir():
            return
        with self._guard:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wetlands-reclaim", daemon=True)
                self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Wait until the work begun so far is done; say whether it is."""
        with self._guard:
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while self._wanted():
            for path in self._entries():
                remove_tree(path)
            self._remove_folder()

    def _wanted(self) -> bool:
        """Take the wish for one more round; without one the thread is given up, in one step with the decision."""
        with self._guard:
            if not self._again:
                self._thread = None
            again, self._again = self._again, False
            return again

    def _entries(self) -> list[Path]:
        try:
            return list(self._debris.iterdir())
        except OSError:
            return []

    def _remove_folder(self) -> None:
        try:
            self._debris.rmdir()
        except OSError:
            left = len(self._entries())
            if left:
                logger.log_global(logging.DEBUG, "%d folders in %s cannot be deleted yet.", left, self._debris)
