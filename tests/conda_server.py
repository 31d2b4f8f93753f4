"""Serves a channel over HTTP on the loopback device, and fails on purpose."""

from __future__ import annotations

import base64
import fnmatch
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from registry import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

_HOLD_SECONDS = 60
_DROPS = 20

Kind = Literal["cut", "short", "wrong", "hold", "slow"] | int


@dataclass
class Fault:
    """What goes wrong with the paths that match a pattern.

    `cut` breaks the transfer in the middle, `short` sends half a file as if it were all, `wrong` changes a byte,
    `hold` stops in the middle until `Served.release` is set, `slow` sends it drop by drop for a second; a number is
    answered as status.
    """

    pattern: str
    kind: Kind
    times: int = 1_000_000


@dataclass
class Served:
    """A channel that is served."""

    folder: Path
    url: str = ""
    login: str = ""  # "user:password" that is asked for
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def fail(self, pattern: str, kind: Kind, times: int = 1_000_000) -> None:
        self.faults.append(Fault(pattern, kind, times))

    def times_asked(self, pattern: str) -> int:
        return len(fnmatch.filter(self.asked, pattern))

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(request.path).path)
        self.asked.append(path)
        with suppress(ConnectionError):
            self._answer(request, path, self._fault_of(path))

    def _fault_of(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fnmatch.fnmatch(path, fault.pattern):
                fault.times -= 1
                return fault
        return None

    def _answer(self, request: BaseHTTPRequestHandler, path: str, fault: Fault | None) -> None:
        file = self.folder / path.lstrip("/")
        status = 200 if file.is_file() else 404
        expected = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and request.headers.get("Authorization") != expected:
            status = 401
        kind = fault.kind if fault else ""
        if isinstance(kind, int):
            status = kind
        body = file.read_bytes() if status == 200 else b""
        if kind == "short":
            body = body[: len(body) // 2]
        elif kind == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "GET":
            return
        if kind == "slow":
            body = self._drip(request, body)
        if kind in {"cut", "hold"}:
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            if kind == "cut":
                return
            self.holding.set()
            self.release.wait(_HOLD_SECONDS)
            body = body[len(body) // 2 :]
        request.wfile.write(body)

    def _drip(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        """Send all but the last drop of a body; return that."""
        size = max(1, len(body) // _DROPS)
        for begin in range(0, len(body) - size, size):
            request.wfile.write(body[begin : begin + size])
            request.wfile.flush()
            self.release.wait(1 / _DROPS)
        return body[(len(body) - 1) // size * size :]


def wait_for_downloads(folder: Path, process: int | str = "self") -> None:
    """Wait until the engine, which goes on with downloads in the background, has no file open below a folder."""
    descriptors = Path(f"/proc/{process}/fd")
    deadline = time.monotonic() + _HOLD_SECONDS
    while descriptors.is_dir() and time.monotonic() < deadline:
        opened = []
        for entry in descriptors.iterdir():
            with suppress(OSError):
                opened.append(entry.readlink())
        if not any(target.is_relative_to(folder) for target in opened):
            return
        time.sleep(0.02)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a folder; whatever is held is released at the end."""
    answer = Served(folder)
    with server(answer) as url:
        answer.url = url
        try:
            yield answer
        finally:
            answer.release.set()
