"""A package index on the loopback device, so that tests see what is asked of it and need no network."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def without_proxies() -> dict[str, str]:
    """Variables that take the proxies of this machine out of the way."""
    return {spelling: "" for name in _PROXIES for spelling in (name, name.lower())}


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Serve HTTP on the loopback device; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            pass  # the default writes to standard error

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.daemon_threads = False  # closing then waits for each answer: nothing is left
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


class Index:
    """A package index with one package, `greeter`; remembers the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self._wheel = write_wheel(folder, "greeter")

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        body = b""
        if request.path.endswith("/greeter/"):
            body = f'<a href="../../{self._wheel.name}">{self._wheel.name}</a>'.encode()
        elif request.path.endswith(self._wheel.name):
            body = self._wheel.read_bytes()
        request.send_response(200 if body else 404)
        request.send_header("Content-Type", "text/html" if body[:2] == b"<a" else "application/octet-stream")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)
