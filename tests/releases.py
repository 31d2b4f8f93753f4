"""A release server on the loopback device, with every fault that a download meets; and releases to serve."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from registry import server
from wetlands._backends.tools.pins import Pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler

    from wetlands._backends.tools.pins import Tool

_HOLD_SECONDS = 30
PATH = "/prefix-dev/pixi/releases/download/v0.73.0/"


def program(words: str = "pixi 0.73.0", size: int = 0) -> bytes:
    """An executable that says its version, with some ballast."""
    return f"#!/bin/sh\necho {words}\nexit 0\n".encode() + b"#" * size


def tar(*members: tuple[str, bytes], ending: str = "gz") -> bytes:
    """An archive with these files, whatever their paths."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if ending == "gz" else "w:bz2") as archive:
        for path, content in members:
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """The same as a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in members:
            archive.writestr(path, content)
    return file.getvalue()


@dataclass
class Releases:
    """What the server holds and how it misbehaves, and what it was asked.

    A fault is told by name: `cut` ends each transfer after half of what is left, `hold` stops there until the end, a
    number is answered as status, `wrong` changes a byte, `redirect` sends to another path once. It holds for the next
    `times` requests.
    """

    body: bytes
    ranges: bool = True
    fault: str | int = ""
    times: int = 1_000_000
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    during: Callable[[], None] = lambda: None

    @property
    def mirror(self) -> str:
        return self.url

    def pin(self, asset: str, tool: Tool = "pixi") -> Pin:
        return Pin(tool, "0.73.0", asset, f"{self.url}{PATH}{asset}", hashlib.sha256(self.body).hexdigest())

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        fault: str | int = ""
        if self.times > 0:
            self.times -= 1
            fault = self.fault
        with suppress(ConnectionError):
            self._answer(request, fault)

    def _answer(self, request: BaseHTTPRequestHandler, fault: str | int) -> None:
        if isinstance(fault, int):
            return _empty(request, fault)
        path = urlsplit(request.path).path
        if fault == "redirect" and not path.startswith("/elsewhere"):
            self.times = 1_000_000
            return _empty(request, 302, Location=f"{self.url}/elsewhere{path}")
        body, begin = self.body, 0
        if fault == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        wanted = request.headers.get("Range", "")
        if wanted and self.ranges:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            if begin >= len(body):
                return _empty(request, 416)
        request.send_response(206 if begin else 200)
        rest = body[begin:]
        request.send_header("Content-Length", str(len(rest)))
        request.end_headers()
        if fault in {"cut", "hold"}:
            half = len(rest) // 2
            request.wfile.write(rest[:half])
            request.wfile.flush()
            if fault == "hold":
                self.holding.set()
                self.release.wait(_HOLD_SECONDS)
            return None
        self.during()
        request.wfile.write(rest)
        return None


def _empty(request: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    request.send_response(status)
    request.send_header("Content-Length", "0")
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()


@contextmanager
def releases(body: bytes) -> Iterator[Releases]:
    """Serve a release; whatever is held is released at the end."""
    answer = Releases(body)
    with server(answer) as url:
        answer.url = url
        try:
            yield answer
        finally:
            answer.release.set()
