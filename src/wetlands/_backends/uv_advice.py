"""What to do when uv fails, from what it wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["advice", "is_unreachable"]

_URL = re.compile(r"https?://[^\s`'\"()]+")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def advice(output: Sequence[str], *, env: Mapping[str, str]) -> str:
    """Return a sentence on what to do next, or nothing where the output says it all.

    Args:
        output: The last lines of uv.
        env: The variables it ran with. Never shown: only whether a proxy is set.
    """
    text = "\n".join(output)
    for pattern, write in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return write(text, env)
    return ""


def is_unreachable(output: Sequence[str]) -> bool:
    """Say whether uv failed because it could not reach a host."""
    text = "\n".join(output)
    write = next((write for pattern, write in _KNOWN if re.search(pattern, text, re.IGNORECASE)), None)
    return write is _unreachable


def _offline(_text: str, env: Mapping[str, str]) -> str:
    setting = "the variable UV_OFFLINE" if env.get("UV_OFFLINE") else "uv.toml"
    return f"uv was told by {setting} not to use the network, and its cache does not hold all that is needed."


def _certificate(text: str, _env: Mapping[str, str]) -> str:
    return (
        f"The certificate of {_host(text)} is not trusted. If your network inspects traffic, set SSL_CERT_FILE to its "
        "certificate, or UV_SYSTEM_CERTS=1 (in older versions of uv UV_NATIVE_TLS=1) to trust what the system trusts."
    )


def _proxy_login(_text: str, _env: Mapping[str, str]) -> str:
    return (
        "The proxy asks for a login. Give it in the address of the proxy, as in "
        'set_proxies({"https": "http://user:password@proxy:port"}).'
    )


def _index_login(text: str, _env: Mapping[str, str]) -> str:
    return (
        f"{_host(text)} refuses access. Give uv the credentials of the index: in UV_INDEX_<NAME>_USERNAME and "
        "UV_INDEX_<NAME>_PASSWORD, in a netrc file, or with `uv auth login`."
    )


def _unreachable(text: str, env: Mapping[str, str]) -> str:
    is_set = {name.upper() for name, value in env.items() if value}
    proxies = [name for name in _PROXIES if name in is_set]
    if proxies:
        proxy = f"A proxy is set by {', '.join(proxies)}: check that it runs and may reach this host."
    else:
        proxy = 'Behind a proxy, name it with set_proxies({"https": "http://proxy:port"}) or HTTPS_PROXY.'
    return (
        f"{_host(text)} could not be reached. Check the network. {proxy} "
        "Another index is chosen with UV_DEFAULT_INDEX or in uv.toml."
    )


def _server_failed(text: str, _env: Mapping[str, str]) -> str:
    return (
        f"{_host(text)} failed, also when it was asked again. Try again later, or choose another index with "
        "UV_DEFAULT_INDEX or in uv.toml."
    )


def _no_build(_text: str, _env: Mapping[str, str]) -> str:
    return (
        "A package has no wheel for this Python and platform, and building it from source failed. "
        'Ask for another version of it, or for another "python".'
    )


def _disk_full(_text: str, _env: Mapping[str, str]) -> str:
    return "The disk is full: free some space (`uv cache clean` empties the cache of uv), then try again."


def _host(text: str) -> str:
    """Name the host of the last address in the output, without credentials."""
    addresses = _URL.findall(text)
    host = urlsplit(addresses[-1]).hostname if addresses else None
    return f"The host {host}" if host else "The package index"


# The first that matches is the most specific.
_KNOWN: tuple[tuple[str, Callable[[str, Mapping[str, str]], str]], ...] = (
    (r"network (was|is) disabled|network connectivity is disabled", _offline),
    (r"no space left on device|not enough space on the disk|os error 112\b", _disk_full),
    (r"invalid peer certificate|certificate verify failed|UnknownIssuer|self.signed certificate", _certificate),
    (r"\b407\b|proxy authentication required", _proxy_login),
    (r"\b40[13] (Unauthorized|Forbidden)|status code: 40[13]\b", _index_login),
    (r"HTTP status server error|status code: 5\d\d", _server_failed),
    (r"error sending request|dns error|connection refused|connect error|timed? ?out|connection reset", _unreachable),
    (r"failed to build|build backend (returned|failed)", _no_build),
)
