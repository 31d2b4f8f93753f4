"""What changed between two sets of packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from wetlands._backends.locks.model import LockedPackage, LockedPlatform, PackageKind

__all__ = ["PackageChange", "changes"]

ChangeKind = Literal["added", "removed", "upgraded", "downgraded", "rebuilt", "moved"]


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that is not the same in two environments or locks.

    Attributes:
        name: Its normalised name.
        kind: ``"conda"``, ``"pypi"`` or ``"local"``, as it is afterwards; as it was, when it was removed.
        change: ``"added"``, ``"removed"``, ``"upgraded"`` or ``"downgraded"``; ``"rebuilt"`` for another build or file
            of the same version; ``"moved"`` for the same version from another kind of place.
        before: The version before, for conda packages with the build (``"2.2.4 py311_0"``); empty when it was added.
        after: The version after, likewise; empty when it was removed.
    """

    name: str
    kind: PackageKind
    change: ChangeKind
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        versions = " -> ".join(filter(None, (self.before, self.after)))
        return f"{self.change} {self.name} {versions} ({self.kind})"


def changes(before: LockedPlatform, after: LockedPlatform) -> tuple[PackageChange, ...]:
    """Return what is not the same, in the order of the names; none when both are the same packages."""
    old = {package.name: package for package in before.packages}
    new = {package.name: package for package in after.packages}
    found = (_change(old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))
    return tuple(change for change in found if change is not None)


def _change(old: LockedPackage | None, new: LockedPackage | None) -> PackageChange | None:
    if old is None:
        return None if new is None else PackageChange(new.name, new.kind, "added", after=_shown(new))
    if new is None:
        return PackageChange(old.name, old.kind, "removed", before=_shown(old))
    if old.identity == new.identity:
        return None
    return PackageChange(new.name, new.kind, _kind(old, new), _shown(old), _shown(new))


def _kind(old: LockedPackage, new: LockedPackage) -> ChangeKind:
    if old.version == new.version:
        return "rebuilt" if old.kind == new.kind and old.kind != "local" else "moved"
    return "upgraded" if _is_older(old.version, new.version) else "downgraded"


def _is_older(old: str, new: str) -> bool:
    try:
        return Version(old) < Version(new)
    except InvalidVersion:  # conda's versions need not be those of Python
        from rattler import Version as CondaVersion  # noqa: PLC0415 - imports the engine

        return bool(CondaVersion(old) < CondaVersion(new))


def _shown(package: LockedPackage) -> str:
    return " ".join(filter(None, (package.version or package.location, package.build)))
