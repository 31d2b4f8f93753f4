"""What the user configured about conda: where channels are, who may enter, which proxies and caches there are.

Honoured are rattler's and pixi's configuration files (authentication, proxies, mirrors, certificates, kinds of links,
link scripts), the variables ``RATTLER_CACHE_DIR``, ``RATTLER_AUTH_FILE``, ``CONDA_CHANNEL_ALIAS``, ``CONDA_OFFLINE``,
``CONDA_OVERRIDE_*`` and those of proxies, and what `condarc` reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rattler import Channel, ChannelConfig, Config, Gateway, SourceConfig
from rattler.exceptions import ConfigError
from rattler.networking import Client

from wetlands._backends.conda.condarc import read_condarc
from wetlands._backends.conda_words import DEFAULT_ALIAS, DEFAULTS
from wetlands._backends.offline import is_offline
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wetlands._backends.conda.condarc import Condarc

__all__ = ["Engine", "open_engine", "overrides"]

_TOOL = "pixi"  # whose configuration is read besides rattler's own: the one that most users of rattler have
_RETRIES = 3


@dataclass(frozen=True)
class Engine:
    """The engine, set up for one build.

    Attributes:
        config: The configuration of rattler.
        client: What downloads.
        gateway: What knows the packages of channels.
        cache: The folder of the caches; None is rattler's own default.
        offline: Whether the user turned the network off.
        proxies: The names of the variables that set a proxy.
    """

    config: Config
    client: Client
    gateway: Gateway
    cache: Path | None
    offline: bool
    proxies: tuple[str, ...]
    channel_config: ChannelConfig
    condarc: Condarc

    @property
    def packages(self) -> Path | None:
        """The folder of extracted packages; None is rattler's own default."""
        return None if self.cache is None else self.cache / "pkgs"

    def from_cache(self) -> Engine:
        """Return the same engine, which asks the cache alone about channels."""
        repodata = None if self.cache is None else self.cache / "repodata"
        gateway = Gateway(repodata, SourceConfig(cache_action="force-cache-only"), client=self.client)
        return replace(self, gateway=gateway, offline=True)

    def channels(self, name: str) -> tuple[Channel, ...]:
        """Return the channels that a name, a folder or an address stands for."""
        if name in self.condarc.custom_channels:
            return (Channel(f"{self.condarc.custom_channels[name].rstrip('/')}/{name}", self.channel_config),)
        if name == "defaults":
            return tuple(Channel(one, self.channel_config) for one in self.condarc.default_channels or DEFAULTS)
        return (Channel(name, self.channel_config),)


def open_engine(env: Mapping[str, str], *, base: Path) -> Engine:
    """Set up the engine with what the user configured.

    Args:
        env: The environment variables, proxies included.
        base: What relative paths of channels begin at.

    Raises:
        ProvisioningError: A file of the configuration cannot be read.
    """
    condarc = read_condarc(env)
    try:
        found = Config.load_from_default_locations(_TOOL)
        config = found.merge(Config.from_toml("\n".join(overrides(env, condarc))))
    except ConfigError as error:
        raise ProvisioningError(f"The configuration of rattler cannot be read: {error}. Correct that file.") from error
    client = Client.from_config(config, max_retries=_RETRIES)
    cache = Path(env["RATTLER_CACHE_DIR"]).absolute() if env.get("RATTLER_CACHE_DIR") else None
    repodata = None if cache is None else cache / "repodata"
    offline = condarc.offline or is_offline(env)
    if offline:
        gateway = Gateway(repodata, SourceConfig(cache_action="force-cache-only"), client=client)
    else:
        gateway = Gateway.from_config(config, cache_dir=repodata, client=client)
    alias = env.get("CONDA_CHANNEL_ALIAS") or condarc.channel_alias or DEFAULT_ALIAS
    return Engine(
        config=config,
        client=client,
        gateway=gateway,
        cache=cache,
        offline=offline,
        proxies=tuple(name for name, _ in _proxies(env)),
        channel_config=ChannelConfig(alias.rstrip("/") + "/", str(base)),
        condarc=condarc,
    )


def overrides(env: Mapping[str, str], condarc: Condarc) -> Iterator[str]:
    """Yield the lines of a rattler configuration (TOML) that say what variables and conda's own configuration say."""
    if env.get("RATTLER_AUTH_FILE"):
        yield f"authentication-override-file = {_text(env['RATTLER_AUTH_FILE'])}"
    if condarc.ssl_verify is False:
        yield "tls-no-verify = true"
    proxies = {**condarc.proxy_servers, **_by_scheme(env)}
    if proxies:
        yield "[proxy-config]"
        yield from (f"{scheme} = {_text(url)}" for scheme, url in sorted(proxies.items()))
        excluded = [host.strip() for host in _variable(env, "NO_PROXY").split(",") if host.strip()]
        yield f"non-proxy-hosts = {json.dumps(excluded, ensure_ascii=False)}"


def _by_scheme(env: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy for each scheme that the variables name."""
    everything = _variable(env, "ALL_PROXY")
    proxies = {scheme: _variable(env, f"{scheme.upper()}_PROXY") or everything for scheme in ("http", "https")}
    return {scheme: url for scheme, url in proxies.items() if url}


def _proxies(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        if value := _variable(env, name):
            yield name, value


def _variable(env: Mapping[str, str], name: str) -> str:
    """Return a variable that programs spell in either case; the lower one goes first, as with curl."""
    return env.get(name.lower()) or env.get(name) or ""


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a TOML basic string escapes as JSON does
