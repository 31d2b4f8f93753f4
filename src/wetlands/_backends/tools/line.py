"""One HTTP request that can be broken off at any moment, through the proxies that the variables name."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPMessage

__all__ = ["Line"]

_SILENCE_SECONDS = 30.0
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Line:
    """Asks a server, and hangs up when it is told to, from any thread.

    Redirections are followed, but never from https to http. Credentials in the address are sent to its server only.

    Args:
        env: The variables, with proxies (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``) and the
            certificates to trust (``SSL_CERT_FILE``).
        silence: For how many seconds the other side may stay silent.

    Raises:
        urllib.error.URLError: The proxy is none that is understood.
    """

    def __init__(self, env: Mapping[str, str], *, silence: float = _SILENCE_SECONDS) -> None:
        self._silence = silence
        self._guard = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._hung_up = False
        self._opener = urllib.request.OpenerDirector()
        context = ssl.create_default_context(cafile=next((env[name] for name in _CERTIFICATES if env.get(name)), None))
        for handler in (
            _Proxies(_proxies(env), _variable(env, "NO_PROXY")),
            _Connector(self._remember, context),
            _Redirections(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    def get(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Ask for an address; the caller closes the answer.

        Raises:
            urllib.error.HTTPError: The answer is a refusal; to be closed too.
            OSError: There is no answer.
            http.client.HTTPException: The answer is none of HTTP.
        """
        bare, account = _without_account(url)
        request = urllib.request.Request(bare, headers={"User-Agent": "wetlands", **headers})  # noqa: S310 - other schemes have no handler here
        if account:
            request.add_unredirected_header("Authorization", f"Basic {account}")
        answer: http.client.HTTPResponse = self._opener.open(request, timeout=self._silence)
        return answer

    def hang_up(self) -> None:
        """Break off what is under way; whoever waits for it gets an error or the end of the data at once."""
        with self._guard:
            self._hung_up = True
            opened = tuple(self._sockets)
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _remember(self, opened: socket.socket) -> None:
        with self._guard:
            self._sockets.append(opened)
            if not self._hung_up:
                return
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)


class _Connector(urllib.request.AbstractHTTPHandler):
    """Makes connections, and tells of each socket."""

    def __init__(self, remember: Any, context: ssl.SSLContext) -> None:  # noqa: ANN401
        super().__init__()

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                remember(self.sock)

        class Encrypted(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                remember(self.sock)

        self._plain = Plain
        self._encrypted = Encrypted
        self._secure = context

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._plain, request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._encrypted, request, context=self._secure)

    http_request = urllib.request.AbstractHTTPHandler.do_request_
    https_request = http_request


class _Proxies(urllib.request.ProxyHandler):
    """Takes the hosts without a proxy from the given variables, not from those of the process."""

    def __init__(self, proxies: dict[str, str], excluded: str) -> None:
        super().__init__(proxies)
        self._excluded = excluded

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:  # noqa: A002, ANN401 - as inherited
        if urllib.request.proxy_bypass_environment(req.host, {"no": self._excluded}):  # type: ignore[attr-defined]
            return None
        return super().proxy_open(req, proxy, type)


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: Any,  # noqa: ANN401 - as inherited
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https://"):
            raise urllib.error.HTTPError(newurl, code, "a redirection to an address without encryption", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _proxies(env: Mapping[str, str]) -> dict[str, str]:
    everything = _variable(env, "ALL_PROXY")
    named = {scheme: _variable(env, f"{scheme.upper()}_PROXY") or everything for scheme in ("http", "https")}
    if any(url.lower().startswith("socks") for url in named.values()):
        raise urllib.error.URLError("the proxy that is set speaks SOCKS, and only HTTP proxies are understood here")
    return {scheme: url for scheme, url in named.items() if url}


def _variable(env: Mapping[str, str], name: str) -> str:
    """Return a variable that programs spell in either case; the lower one goes first, as with curl."""
    return env.get(name.lower()) or env.get(name) or ""


def _without_account(url: str) -> tuple[str, str]:
    """Split the credentials from an address, ready for the header."""
    parts = urlsplit(url)
    account, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return url, ""
    return urlunsplit(parts._replace(netloc=host)), base64.b64encode(unquote(account).encode()).decode()
