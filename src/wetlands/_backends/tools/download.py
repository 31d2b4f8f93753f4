"""Downloads one file: told how far it is, resumed where it broke off, stopped when the observer wishes."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
from typing import TYPE_CHECKING

from wetlands._backends.api import Progress
from wetlands._backends.tools.line import Line
from wetlands._spec.secrets import masked
from wetlands.exceptions import DownloadError, ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver

__all__ = ["LARGEST_DOWNLOAD", "download"]

LARGEST_DOWNLOAD = 256 * 1024 * 1024
"""How many bytes a release may have; those of the tools have less than a quarter of it."""

_PIECE = 64 * 1024
_LOOK_SECONDS = 0.1
_TELL_SECONDS = 0.25
_END_SECONDS = 60.0
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_PARTIAL = 206
_BEYOND_THE_END = 416
_ADVICE = (
    "Check the network and the proxies (set_proxies, HTTPS_PROXY), or name a mirror of github.com with "
    "WETLANDS_TOOLS_MIRROR; or install the tool by other means and name its executable with conda_path=..."
)


def download(
    url: str, target: Path, *, env: Mapping[str, str], observer: BuildObserver, pauses: Sequence[float] = _PAUSES
) -> bool:
    """Download a file; what is there of it already is taken for its beginning.

    Args:
        url: Its address.
        target: The file. After an error it holds what has arrived.
        env: The variables, with proxies and certificates.
        observer: Hears how far it is, and may stop it.
        pauses: For how many seconds to wait before each further attempt.

    Returns:
        Whether a part of it is from an earlier call.

    Raises:
        DownloadError: It cannot be had.
        ProvisioningCanceledError: The observer asked to stop.
    """
    resumed = target.exists() and target.stat().st_size > 0
    for pause in (*pauses, None):
        transfer = _Transfer(url, target, _line(url, env))
        try:
            _watch(transfer, observer, masked(url))
        except (OSError, http.client.HTTPException) as error:
            if pause is None or not _passes(error):
                raise _explained(error, url) from error
            observer.output(f"The download broke off ({_reason(error)}); trying again in {pause:g} s")
            _wait(pause, observer, masked(url))
        else:
            return resumed and transfer.continued
    raise AssertionError  # the last attempt returns or raises


def _line(url: str, env: Mapping[str, str]) -> Line:
    try:
        return Line(env)
    except OSError as error:  # a proxy, or a file of certificates, that cannot be used
        raise _explained(error, url) from error


class _Transfer:
    """One attempt, in a thread of its own: a network that is silent must not keep us from hearing a cancellation."""

    def __init__(self, url: str, target: Path, line: Line) -> None:
        self.arrived = 0
        self.expected = 0
        self.continued = False
        self.error: BaseException | None = None
        self._url = url
        self._target = target
        self._line = line
        self._thread = threading.Thread(target=self._run, name="wetlands-download", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ended(self) -> bool:
        """Wait a moment, and say whether it is over."""
        self._thread.join(_LOOK_SECONDS)
        return not self._thread.is_alive()

    def stop(self) -> None:
        self._line.hang_up()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            self._transfer()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = error

    def _transfer(self) -> None:
        present = self._target.stat().st_size if self._target.exists() else 0
        headers = {"Range": f"bytes={present}-"} if present else {}
        try:
            answer = self._line.get(self._url, headers)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _BEYOND_THE_END and present:
                self._target.unlink()  # it holds more than there is: begin anew
                raise http.client.IncompleteRead(b"") from error
            raise
        with answer:
            self.continued = answer.status == _PARTIAL and present > 0
            self.arrived = present if self.continued else 0
            length = answer.headers.get("Content-Length", "")
            self.expected = self.arrived + int(length) if length.isdigit() else 0
            with self._target.open("ab" if self.continued else "wb") as file:
                while piece := answer.read(_PIECE):
                    self.arrived += len(piece)
                    if self.arrived > LARGEST_DOWNLOAD:
                        raise _TooLargeError
                    file.write(piece)
        if self.arrived < self.expected:
            raise http.client.IncompleteRead(b"", self.expected - self.arrived)


class _TooLargeError(OSError):
    """More arrives than a release can have."""

    def __str__(self) -> str:
        return f"more than {LARGEST_DOWNLOAD} bytes arrived"


def _watch(transfer: _Transfer, observer: BuildObserver, shown: str) -> None:
    """Follow a transfer to its end, which is ours too."""
    _stop_if_asked(observer, shown)
    transfer.start()
    told = time.monotonic()
    try:
        while not transfer.ended():
            _stop_if_asked(observer, shown)
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                _tell(transfer, observer)
    finally:
        transfer.stop()
    if transfer.error is not None:
        raise transfer.error
    _tell(transfer, observer)


def _tell(transfer: _Transfer, observer: BuildObserver) -> None:
    observer.progress(Progress("download", transfer.arrived, max(transfer.expected, transfer.arrived), "bytes"))


def _wait(seconds: float, observer: BuildObserver, shown: str) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _stop_if_asked(observer, shown)
        time.sleep(min(left, _LOOK_SECONDS))


def _stop_if_asked(observer: BuildObserver, shown: str) -> None:
    if observer.cancel_requested:
        raise ProvisioningCanceledError(f"The download of {shown} was stopped because the build was cancelled.")


def _passes(error: Exception) -> bool:
    """Say whether it may go better the next time."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _PASSING
    if isinstance(error, urllib.error.URLError):
        return isinstance(error.reason, OSError) and "CERTIFICATE" not in str(error.reason)
    # files of ours that cannot be written have a name, connections have none
    return not isinstance(error, _TooLargeError) and getattr(error, "filename", None) is None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error
    return str(reason) or type(reason).__name__


def _explained(error: Exception, url: str) -> Exception:
    if getattr(error, "filename", None) is not None and not isinstance(error, urllib.error.HTTPError):
        return error  # ours: the disk, not the network
    return DownloadError(masked(url), f"It could not be downloaded: {_reason(error)}", _ADVICE)
