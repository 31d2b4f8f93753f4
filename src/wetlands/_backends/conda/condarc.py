"""What is taken from conda's own configuration files.

Read are ``channel_alias``, ``custom_channels``, ``default_channels``, ``proxy_servers``, ``ssl_verify: false`` and
``offline``, from the file that ``CONDARC`` names and the user's ``.condarc``. The list ``channels`` is not: which
channels are searched, a recipe says. Nor are ``custom_multichannels``, ``channel_priority`` (it is strict) and
``pkgs_dirs`` (the cache is that of rattler).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Condarc", "read_condarc"]


@dataclass(frozen=True)
class Condarc:
    """What conda's configuration says, as far as it is honoured.

    Attributes:
        channel_alias: What names of channels are relative to; empty when it is not said.
        custom_channels: Where the channels lie that are not there, by name.
        default_channels: What ``defaults`` stands for; empty when it is not said.
        proxy_servers: Proxies by scheme.
        ssl_verify: False when certificates are not to be checked.
        offline: Whether the network is not to be used.
    """

    channel_alias: str = ""
    custom_channels: Mapping[str, str] = field(default_factory=dict)
    default_channels: tuple[str, ...] = ()
    proxy_servers: Mapping[str, str] = field(default_factory=dict)
    ssl_verify: bool = True
    offline: bool = False


def read_condarc(env: Mapping[str, str]) -> Condarc:
    """Read the files there are; what a later one says replaces what an earlier one said.

    Raises:
        ProvisioningError: One of them cannot be read, or says something of another type than expected.
    """
    said: dict[str, object] = {}
    for path in _places(env):
        said.update(_read(path))
    return Condarc(
        channel_alias=_text(said, "channel_alias"),
        custom_channels=_texts_by_name(said, "custom_channels"),
        default_channels=_list(said, "default_channels"),
        proxy_servers={
            name: url for name, url in _texts_by_name(said, "proxy_servers").items() if name in {"http", "https"}
        },
        ssl_verify=said.get("ssl_verify") is not False,
        offline=said.get("offline") is True,
    )


def _places(env: Mapping[str, str]) -> Iterator[Path]:
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    yield home / ".condarc"
    yield home / ".mambarc"
    if env.get("CONDARC"):
        yield Path(env["CONDARC"])


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    import yaml  # noqa: PLC0415 - most users have no such file

    try:
        read: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProvisioningError(f"{path} cannot be read: {error}. Correct or remove it.") from error
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise ProvisioningError(f"{path} should hold keys with values, as in `channel_alias: https://...`. Correct it.")
    return {str(key): value for key, value in read.items()}


def _text(said: Mapping[str, object], key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _unexpected(key, "text")
    return value


def _list(said: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = said.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise _unexpected(key, "a list of texts")
    return tuple(value)


def _texts_by_name(said: Mapping[str, object], key: str) -> dict[str, str]:
    value = said.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise _unexpected(key, "names with texts")
    return {str(name): str(entry) for name, entry in value.items()}


def _unexpected(key: str, expected: str) -> ProvisioningError:
    return ProvisioningError(f"{key!r} in .condarc should be {expected}. Correct it.")
