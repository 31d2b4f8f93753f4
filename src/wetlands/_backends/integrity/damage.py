"""What should be in a prefix, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Damage", "Expected"]


@dataclass(frozen=True)
class Damage:
    """A file of an environment that is not as it was installed.

    Attributes:
        package: The package it belongs to.
        version: Its version.
        kind: What installed it: ``"conda"`` or ``"pypi"``.
        path: The file, relative to the folder of the environment, with ``/`` between folders.
        problem: ``"missing"``, or ``"changed"`` when its content is another one or cannot be read.
    """

    package: str
    version: str
    kind: Literal["conda", "pypi"]
    path: str
    problem: Literal["missing", "changed"]

    def __str__(self) -> str:
        return f"{self.path} of {self.package} {self.version} is {self.problem}"


@dataclass(frozen=True)
class Expected:
    """A file that an installer wrote down.

    Attributes:
        package: As in `Damage`, and so are `version`, `kind` and `path`.
        size: Its bytes; None where they are not known.
        algorithm: The name of the hash, such as ``"sha256"``.
        digest: The hash of its content; empty where it is not known.
    """

    package: str
    version: str
    kind: Literal["conda", "pypi"]
    path: str
    size: int | None = None
    algorithm: str = "sha256"
    digest: bytes = b""

    def damaged(self, problem: Literal["missing", "changed"]) -> Damage:
        """Return what is wrong with it."""
        return Damage(self.package, self.version, self.kind, self.path, problem)
