"""What a lock says: for each platform, exactly which packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rattler import RepoDataRecord

__all__ = ["Lock", "LockedPackage", "LockedPlatform", "PackageKind"]

PackageKind = Literal["conda", "pypi", "local"]


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package of a lock.

    Attributes:
        name: Its normalised name.
        version: Its version; empty where a lock does not say it of a local package.
        kind: ``"conda"``, ``"pypi"``, or ``"local"`` for a folder of this machine, of which nothing but the place is
            locked.
        location: Its address, ``git+<address>#<commit>``, or the absolute path of a local one.
        build: The build string of a conda package.
        sha256: The hash of its file in hexadecimal; empty where a lock has none.
    """

    name: str
    version: str
    kind: PackageKind
    location: str
    build: str = ""
    sha256: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What makes it the same package, wherever it is taken from."""
        where = self.sha256 if self.sha256 and self.kind != "local" else self.location
        return (self.kind, self.name, self.version if self.kind != "local" else "", self.build, where)


@dataclass(frozen=True, slots=True)
class LockedPlatform:
    """The packages for one platform.

    Attributes:
        name: The platform, in conda's words (``"linux-64"``).
        packages: All packages, ordered by name.
        python: The version of their Python, ``"3.11.7"`` or ``"3.11"``; empty where a lock does not say it.
        virtual_packages: What the machine was taken to have, as ``"__glibc=2.28"``.
        records: What the engine knows about the conda packages.
        source: The file it was read from, for people.
    """

    name: str
    packages: tuple[LockedPackage, ...] = ()
    python: str = ""
    virtual_packages: tuple[str, ...] = ()
    records: tuple[RepoDataRecord, ...] = field(default=(), compare=False, repr=False)
    source: str = field(default="", compare=False)

    @property
    def has_conda(self) -> bool:
        """Whether there are conda packages among them."""
        return any(package.kind == "conda" for package in self.packages)

    @property
    def identity(self) -> frozenset[tuple[str, str, str, str, str]]:
        """What makes two of them the same set of packages."""
        return frozenset(package.identity for package in self.packages)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock.

    Attributes:
        platforms: Its platforms.
        channels: The addresses of the conda channels, in the order they were searched.
        source: Where it was read from, for people; empty for one that was just made.
    """

    platforms: tuple[LockedPlatform, ...]
    channels: tuple[str, ...] = ()
    source: str = ""

    def platform(self, name: str) -> LockedPlatform | None:
        """Return the packages for a platform, or None when the lock does not cover it."""
        return next((platform for platform in self.platforms if platform.name == name), None)
