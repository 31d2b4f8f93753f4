"""Reads what micromamba answers with ``--json``, of the versions up to 2.8 and of those after.

The later ones always print one object; the earlier ones print nothing when it is not the solver that fails, and may
put other lines around the object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Package", "Plan", "read_plan"]


@dataclass(frozen=True)
class Package:
    """A package of a plan.

    Attributes:
        name: Its name.
        version: Its version.
        build: Its build string.
        url: Where it is. It may hold credentials.
        md5: Its MD5; empty where the channel states none.
        sha256: Its SHA-256; empty where the channel states none.
        size: Its size in bytes; 0 where the channel states none.
    """

    name: str
    version: str
    build: str
    url: str
    md5: str = ""
    sha256: str = ""
    size: int = 0

    @property
    def explicit(self) -> str:
        """A line of an explicit list."""
        if self.sha256:
            return f"{self.url}#sha256:{self.sha256}"
        return f"{self.url}#{self.md5}" if self.md5 else self.url

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.build}"


@dataclass(frozen=True)
class Plan:
    """What would be done to a prefix.

    Attributes:
        link: The packages that come.
        unlink: Those that go.
        fetch: Those that are downloaded.
    """

    link: tuple[Package, ...] = ()
    unlink: tuple[Package, ...] = ()
    fetch: tuple[Package, ...] = ()


def read_plan(lines: Sequence[str]) -> Plan | None:
    """Read the answer of a dry run, or return None when it says that it failed.

    Raises:
        ProvisioningError: It is no answer of the known shape.
    """
    answer = _object_in("\n".join(lines))
    if answer is None or answer.get("success") is not True:
        return None
    actions = answer.get("actions", {})
    try:
        if not isinstance(actions, dict):
            raise TypeError("actions are no object")  # noqa: TRY301 - shown below
        return Plan(
            *(tuple(_package(entry) for entry in actions.get(key) or ()) for key in ("LINK", "UNLINK", "FETCH"))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProvisioningError(
            f"The answer of micromamba has not the shape that is known here ({type(error).__name__}: {error}). "
            "Use another version of it."
        ) from error


def _object_in(text: str) -> dict[str, object] | None:
    """Return the JSON object that begins a line, whatever is written around it."""
    begin = 0 if text.startswith("{") else text.find("\n{") + 1
    if not text.startswith("{", begin):
        return None
    try:
        read, _ = json.JSONDecoder().raw_decode(text, begin)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _package(entry: dict[str, object]) -> Package:
    return Package(
        name=str(entry["name"]),
        version=str(entry["version"]),
        build=str(entry.get("build_string") or entry.get("build") or ""),
        url=str(entry["url"]),
        md5=str(entry.get("md5") or ""),
        sha256=str(entry.get("sha256") or ""),
        size=int(str(entry.get("size") or 0)),
    )
