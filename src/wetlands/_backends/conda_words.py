"""A recipe in the words that all conda tools read the same way: requirements, and where channels lie."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wetlands._backends.conda.condarc import read_condarc
from wetlands._spec.channels import DEFAULT_CHANNEL
from wetlands._spec.conda import CondaRequirement, version_text
from wetlands._spec.local import absolute_path
from wetlands._spec.secrets import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._backends.conda.condarc import Condarc
    from wetlands._spec.model import Spec

__all__ = ["DEFAULTS", "DEFAULT_ALIAS", "Channels", "channel_names", "python_request", "requirements"]

DEFAULT_ALIAS = "https://conda.anaconda.org/"
"""What names of channels are relative to, unless the user says otherwise."""

DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
"""What ``defaults`` stands for, as conda has it."""

_FOLDER = re.compile(r"[./~\\]|[A-Za-z]:[/\\]")


def python_request(spec: Spec, *, installed: bool) -> str:
    """Return what a solver is asked about Python, in conda's words; empty where nothing has to be asked.

    Args:
        spec: What is wanted.
        installed: Whether the prefix has a Python already, which may stay.
    """
    named = any(entry.name == "python" and entry.dependencies for entry in spec.conda)
    if not spec.python.asked and (installed or named):
        return ""
    return f"python {version_text(spec.python.specifier)}"


def requirements(spec: Spec, *, installed: bool = False) -> tuple[CondaRequirement, ...]:
    """Return what is asked of conda with its dependencies, Python first where it has to be asked for.

    Args:
        spec: What is wanted.
        installed: As for `python_request`.
    """
    python = python_request(spec, installed=installed)
    first = (CondaRequirement("python", python.partition(" ")[2]),) if python else ()
    return (*first, *(entry for entry in spec.conda if entry.dependencies))


def channel_names(spec: Spec) -> tuple[str, ...]:
    """Return the channels in the order they are searched; those that only one package names come last."""
    return (*(spec.channels or (DEFAULT_CHANNEL,)), *(entry.channel for entry in spec.conda if entry.channel))


@dataclass(frozen=True)
class Channels:
    """Where the channels of this user lie.

    Attributes:
        alias: What names are relative to, with a slash at its end.
        condarc: What conda's own configuration says.
        base: What relative paths begin at.
    """

    alias: str
    condarc: Condarc
    base: Path

    @classmethod
    def of(cls, env: Mapping[str, str], base: Path) -> Channels:
        """Read what the user configured.

        Raises:
            ProvisioningError: A file of conda's configuration cannot be read.
        """
        condarc = read_condarc(env)
        alias = env.get("CONDA_CHANNEL_ALIAS") or condarc.channel_alias or DEFAULT_ALIAS
        return cls(alias.rstrip("/") + "/", condarc, base)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses that a name, a folder or an address stands for."""
        if name in self.condarc.custom_channels:
            return (f"{self.condarc.custom_channels[name].rstrip('/')}/{name}",)
        if name == "defaults":
            return self.condarc.default_channels or DEFAULTS
        if "://" in name:
            return (name,)
        if _FOLDER.match(name):
            return (absolute_path(self.base, os.path.expanduser(name)).as_uri(),)  # noqa: PTH111 - a text, as written
        return (self.alias + name,)

    def all_of(self, spec: Spec) -> tuple[str, ...]:
        """Return the addresses of the channels of a recipe, each once, in the order they are searched."""
        return tuple(dict.fromkeys(address for name in channel_names(spec) for address in self.addresses(name)))

    def hold_credentials(self, spec: Spec) -> bool:
        """Say whether the address of a channel of a recipe does: it is written into a prefix with each package."""
        return any(without_credentials(address) != address for address in self.all_of(spec))

    def placed(self, entry: CondaRequirement) -> CondaRequirement:
        """Return a requirement with its channel by address: by name, tools would not know the user's."""
        return replace(entry, channel=self.addresses(entry.channel)[0]) if entry.channel else entry
