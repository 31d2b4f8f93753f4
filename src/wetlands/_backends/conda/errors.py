"""The errors of the engine in our words: what was asked of whom, what went wrong, what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rattler import exceptions as engine_errors

from wetlands._spec.secrets import masked
from wetlands.exceptions import DownloadError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "ENGINE_ERRORS",
    "Situation",
    "broken_off",
    "is_unreachable",
    "plain_reason",
    "translated",
    "virtual_packages_in",
]

ENGINE_ERRORS: tuple[type[Exception], ...] = tuple(
    value
    for name, value in sorted(vars(engine_errors).items())
    if name.endswith("Error") and isinstance(value, type) and issubclass(value, Exception)
)
"""Every exception that the engine raises on purpose."""

_URL = re.compile(r"(?:https?|file|oci|s3|gcs)://[^\s()`'\"]+")
_FETCHED = re.compile(r"failed to fetch (\S+)")
_VIRTUAL = re.compile(r"(__\w+(?: [^,\n]*?)?), for which no candidates were found")
_BROKEN_OFF = re.compile(r"end of file before message|error decoding response body|error reading a body")
_LOGIN = (
    "Give the credentials with `pixi auth login` or `rattler auth login`, or name a file that holds them in "
    "RATTLER_AUTH_FILE."
)


@dataclass(frozen=True)
class Situation:
    """What is known beside the text of an error.

    Attributes:
        urls: The addresses of packages by their file name.
        channel: The address of the only channel that is asked; empty where there are several.
        proxies: The variables that set a proxy.
        cache: The folder of the caches, for people.
        prefix: The folder that is built, for people.
    """

    urls: Mapping[str, str]
    channel: str
    proxies: Sequence[str]
    cache: str
    prefix: str


def is_unreachable(error: BaseException | None) -> bool:
    """Say whether an error of the engine is that a host cannot be reached."""
    text = str(error)
    write = next((write for pattern, write in _KNOWN if re.search(pattern, text, re.IGNORECASE)), None)
    return isinstance(error, ENGINE_ERRORS) and write is _unreachable


def broken_off(error: BaseException) -> bool:
    """Say whether a transfer ended in the middle, which the engine does not try again by itself everywhere."""
    return isinstance(error, ENGINE_ERRORS) and bool(_BROKEN_OFF.search(str(error)))


def virtual_packages_in(reason: str) -> tuple[str, ...]:
    """Return the virtual packages that a solver misses, such as ``"__cuda >=11"``."""
    return tuple(dict.fromkeys(_VIRTUAL.findall(reason)))


def plain_reason(error: BaseException) -> str:
    """Return what the solver says, without what it begins every message with."""
    reason = str(error).removeprefix("Cannot solve the request because of:").strip()
    return masked(reason.replace("The following packages are incompatible", "These cannot be installed together:"))


def translated(error: Exception, situation: Situation) -> ProvisioningError:
    """Put an error of the engine into our words; the engine's own are kept where ours do not fit."""
    text = str(error)
    for pattern, write in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return write(text, situation)
    return ProvisioningError(f"The conda packages could not be installed: {masked(text)}")


def _url(text: str, situation: Situation) -> str:
    """Return the address that an error is about, without credentials."""
    found = _URL.search(text)
    if found:
        return masked(found[0].rstrip(".,;:"))
    fetched = _FETCHED.search(text)
    return masked(situation.urls.get(fetched[1], "") if fetched else situation.channel)


def _host(url: str) -> str:
    return f"The host {urlsplit(url).hostname}" if urlsplit(url).hostname else "The channel"


def _disk_full(_text: str, situation: Situation) -> ProvisioningError:
    return ProvisioningError(
        f"The disk is full. Free some space where the environment is built ({situation.prefix}) and where packages "
        f"are kept ({situation.cache}), or move one of them: the first with wetlands_instance_path, the second with "
        "RATTLER_CACHE_DIR."
    )


def _not_allowed(text: str, situation: Situation) -> ProvisioningError:
    return ProvisioningError(
        f"A file could not be written: {masked(text)}. Both the environment ({situation.prefix}) and the package "
        f"cache ({situation.cache}, chosen with RATTLER_CACHE_DIR) must be writable."
    )


def _offline(text: str, situation: Situation) -> ProvisioningError:
    return DownloadError(
        _url(text, situation),
        "The network is turned off by CONDA_OFFLINE or `offline: true`, and the cache does not hold this channel",
        "Turn the network on once to fill the cache.",
    )


def _no_channel(text: str, situation: Situation) -> ProvisioningError:
    return DownloadError(
        _url(text, situation),
        "There is no conda channel here",
        'Check "channels": a channel is a folder with repodata.json in its subfolder noarch.',
    )


def _no_entry(text: str, situation: Situation) -> ProvisioningError:
    url = _url(text, situation)
    return DownloadError(url, f"{_host(url)} refuses access", _LOGIN)


def _not_there(text: str, situation: Situation) -> ProvisioningError:
    return DownloadError(
        _url(text, situation),
        "The channel lists a package that it does not have",
        "It may be changing right now: try again later. A mirror may be incomplete.",
    )


def _server_failed(text: str, situation: Situation) -> ProvisioningError:
    url = _url(text, situation)
    status = re.search(r"server error \((\d+ [^)]*)\)", text)
    return DownloadError(
        url,
        f"{_host(url)} failed several times{f' with {status[1]}' if status else ''}",
        "Try again later, or name a mirror of the channel.",
    )


def _damaged(text: str, situation: Situation) -> ProvisioningError:
    return DownloadError(
        _url(text, situation),
        "A package arrived damaged: it is not the file that the channel's index describes (wrong checksum or size)",
        "Nothing of it was used. Try again; if it stays, a proxy or mirror changes files, or the channel is broken.",
    )


def _broken_transfer(text: str, situation: Situation) -> ProvisioningError:
    url = _url(text, situation)
    return DownloadError(
        url, f"The connection broke off several times in the middle of a file: {_host(url)}", _proxy_advice(situation)
    )


def _certificate(text: str, situation: Situation) -> ProvisioningError:
    url = _url(text, situation)
    return DownloadError(
        url,
        f"The certificate of {_host(url)[0].lower()}{_host(url)[1:]} is not trusted",
        'If your network inspects traffic, set `tls-root-certs = "system"` in rattler\'s config.toml to trust what the '
        "system trusts, or SSL_CERT_FILE to the certificate.",
    )


def _unreachable(text: str, situation: Situation) -> ProvisioningError:
    url = _url(text, situation)
    return DownloadError(
        url,
        f"{_host(url)} could not be reached",
        f"Check the network. {_proxy_advice(situation)} With CONDA_OFFLINE=1 the cache alone is used.",
    )


def _proxy_advice(situation: Situation) -> str:
    if situation.proxies:
        return f"A proxy is set by {', '.join(situation.proxies)}: check that it runs and may reach this host."
    return 'Behind a proxy, name it with set_proxies({"https": "http://proxy:port"}) or HTTPS_PROXY.'


# The first that matches is the most specific.
_KNOWN: tuple[tuple[str, Callable[[str, Situation], ProvisioningError]], ...] = (
    (r"no space left on device|os error 28\b|os error 112\b|quota exceeded", _disk_full),
    (r"permission denied|read-only file system", _not_allowed),
    (r"no usable repodata cache", _offline),
    (r"could not find subdir", _no_channel),
    (r"\(40[137] ", _no_entry),
    (r"\(4(04|10) ", _not_there),
    (r"server error \(5\d\d|too many requests", _server_failed),
    (r"hash mismatch|invalid checksum|size mismatch|invalid zip|corrupt|decompression|EOF reached", _damaged),
    (_BROKEN_OFF.pattern, _broken_transfer),
    (r"invalid peer certificate|certificate verify failed|UnknownIssuer|self.signed certificate", _certificate),
    (r"error sending request|dns error|connection refused|connect error|timed? ?out|connection reset", _unreachable),
)
