"""Counts what the engine reports while it downloads and links, and tells it on."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from rattler import InstallerReporter

from wetlands._backends.api import Progress
from wetlands._backends.conda.telling import telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.conda.loop import Tell

__all__ = ["Handed", "Tally"]

_TELL_SECONDS = 0.1  # how often progress is told, at most


class Tally(InstallerReporter):
    """Counts what the engine reports (``rattler.InstallerReporter``) and tells it on, not too often.

    The engine calls from threads of its own: nothing here may wait, raise, or ask Python which thread it is.
    """

    def __init__(self, records: tuple[RepoDataRecord, ...], tell: Tell, *, expected: int = 0) -> None:
        self._expected = expected  # bytes; what is known from the start to be downloaded
        self._sizes = {record.name.normalized: record.size or 0 for record in records}
        self._urls = {record.name.normalized: record.url for record in records}
        self._tell = tell
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._arrived: dict[int, int] = {}  # bytes by package, those that are complete included
        self._downloading: set[int] = set()
        self._to_link = 0
        self._linked = 0
        self._links_begun = 0
        self._heard = time.monotonic()
        self._told = 0.0

    @property
    def linking(self) -> bool:
        """Whether a link has begun that has not ended."""
        return self._links_begun > self._linked

    @property
    def current_download(self) -> str:
        """The address of something that is being downloaded."""
        numbers = sorted(self._downloading)
        return self._urls.get(self._names[numbers[0]], "") if numbers else ""

    def stalled_for(self) -> float:
        """For how many seconds nothing has happened although something should arrive."""
        waiting = self._downloading and not self.linking
        return time.monotonic() - self._heard if waiting else 0.0

    def on_transaction_start(self, total_operations: int) -> None:
        self._to_link = total_operations
        self._say("link", f"Linking {total_operations} packages")

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        with self._lock:
            self._names.append(package_name)
            return len(self._names) - 1

    def on_download_start(self, cache_entry: int) -> int:
        name = self._names[cache_entry]
        with self._lock:
            self._heard = time.monotonic()
            self._arrived[cache_entry] = 0
            self._downloading.add(cache_entry)
        self._say("download", f"Downloading {name} ({self._sizes.get(name, 0) / 1e6:.1f} MB)")
        return cache_entry

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        with self._lock:
            self._heard = time.monotonic()
            self._arrived[download_idx] = progress
        self._tell_bytes()

    def on_download_completed(self, download_idx: int) -> None:
        with self._lock:
            self._heard = time.monotonic()
            self._arrived[download_idx] = self._sizes.get(self._names[download_idx], 0)
            self._downloading.discard(download_idx)
        self._tell_bytes(at_once=True)

    def on_link_start(self, operation: int, package_name: str) -> int:
        with self._lock:
            self._links_begun += 1
        return 0

    def on_link_complete(self, index: int) -> None:
        with self._lock:
            self._linked += 1
            self._heard = time.monotonic()
            if self._downloading:  # both go on at the same time: the bytes are what takes long
                return
        self._tell_progress(Progress("link", self._linked, max(self._to_link, self._linked), "packages"))

    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        self._say("link", f"Running {script_path} of {package_name}, as the configuration of rattler allows")
        return 0

    def _tell_bytes(self, *, at_once: bool = False) -> None:
        with self._lock:
            now = time.monotonic()
            if not at_once and now - self._told < _TELL_SECONDS:
                return
            self._told = now
            arrived = sum(self._arrived.values())
            wanted = sum(self._sizes.get(self._names[number], 0) for number in self._arrived)
        self._tell_progress(Progress("download", arrived, max(wanted, arrived, self._expected), "bytes"))

    def _tell_progress(self, progress: Progress) -> None:
        def pass_on(observer: BuildObserver) -> None:
            observer.progress(progress)

        self._tell(pass_on)

    def _say(self, stage: str, message: str) -> None:
        def pass_on(observer: BuildObserver) -> None:
            observer.stage(stage, message)

        self._tell(pass_on)


class Handed:
    """A tally as it is handed to the engine: when this is gone, the engine has let go of it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __getattr__(self, name: str) -> object:
        with telling:
            return partial(_tell, getattr(self._tally, name))


def _tell(method: Callable[..., object], *arguments: object) -> object:
    with telling:
        return method(*arguments)
