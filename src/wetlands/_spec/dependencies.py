"""What a user writes: the types of recipes and commands, as dicts and lists."""

from __future__ import annotations

import os  # noqa: TC003 - whoever reads these types while running (pydantic, hypothesis) needs the names in them
from typing import Literal, TypeAlias, TypedDict

__all__ = ["Commands", "Dependencies", "LocalDependency", "PlatformCommands", "PlatformName", "RequirementDict"]

PlatformName: TypeAlias = Literal[
    "linux-64", "linux-aarch64", "linux-arm64", "osx-64", "osx-arm64", "win-64", "win-arm64"
]
"""The platforms a requirement may be limited to, in conda's words; ``linux-arm64`` is ``linux-aarch64``."""


class _Named(TypedDict):
    """The key every requirement needs; apart because a TypedDict is total or not as a whole (Python 3.10)."""

    name: str


class RequirementDict(_Named, total=False):
    """A requirement with conditions.

    Attributes:
        name: The requirement, with its version: ``"numpy>=2"``.
        platforms: The platforms it is for; all of them when absent.
        optional: Whether it is left out on other platforms, instead of being an error there.
        dependencies: Whether what it depends on is installed too; True when absent.
    """

    platforms: list[PlatformName]
    optional: bool
    dependencies: bool


class _LocalNamed(TypedDict):
    """The keys a local package needs."""

    name: str
    path: str | os.PathLike[str]


class LocalDependency(_LocalNamed, total=False):
    """A package in a folder of this machine.

    Attributes:
        name: The name of the package.
        path: Its folder, which holds a ``pyproject.toml``, ``setup.py`` or ``setup.cfg``.
        editable: Whether edits of its sources are seen without installing anew; True when absent.
    """

    editable: bool


class Dependencies(TypedDict, total=False):
    """The recipe of an environment.

    Attributes:
        python: Its Python, as a PEP 440 specifier (``">=3.10,<3.13"``), a version (``"3.11"``) or a conda spec
            (``"=3.11"``).
        conda: Conda packages, as ``"numpy=1.26"``, ``"numpy>=1.20,<2"`` or ``"channel::package"``.
        channels: Conda channels, searched in this order before ``conda-forge``; ``"nodefaults"`` leaves that out.
        pip: PyPI packages, as PEP 508 requirements with extras, markers and direct URLs.
        local: Packages in folders of this machine.
    """

    python: str
    conda: list[str | RequirementDict]
    channels: list[str]
    pip: list[str | RequirementDict]
    local: list[LocalDependency]


class PlatformCommands(TypedDict, total=False):
    """Shell lines per system: those of ``all`` first, then those of the system."""

    all: list[str]
    linux: list[str]
    mac: list[str]
    windows: list[str]


Commands: TypeAlias = list[str] | PlatformCommands
"""Shell lines: for every system as a list, or per system as a dict."""
