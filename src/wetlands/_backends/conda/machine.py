"""What packages may ask of a machine: virtual packages, of this one or of one of another platform."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rattler import (
    BuildString,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    PackageRecord,
    Version,
    VirtualPackage,
    VirtualPackageOverrides,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rattler import RepoDataRecord

__all__ = ["assumed", "lacking", "shown", "this_machine"]

# What pixi assumes of a platform of which nothing else is said.
_ASSUMED = {
    "linux": (("__unix", "0"), ("__linux", "4.18"), ("__glibc", "2.28")),
    "osx": (("__unix", "0"), ("__osx", "13.0")),
    "win": (("__win", "0"),),
}


def this_machine() -> list[GenericVirtualPackage]:
    """Return what this machine has; the variables ``CONDA_OVERRIDE_*`` go first."""
    return [one.into_generic() for one in VirtualPackage.detect(VirtualPackageOverrides.from_env())]


def assumed(platform: str, env: Mapping[str, str] = os.environ) -> list[GenericVirtualPackage]:
    """Return what a machine of a platform is taken to have: what pixi assumes, and ``CONDA_OVERRIDE_*``."""
    found = dict(_ASSUMED.get(platform.partition("-")[0], ()))
    for name in ("cuda", "glibc", "linux", "osx"):
        value = env.get(f"CONDA_OVERRIDE_{name.upper()}")
        if value and (name == "cuda" or f"__{name}" in found):
            found[f"__{name}"] = value
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString("0")) for name, version in found.items()
    ]


def shown(virtual: GenericVirtualPackage) -> str:
    """Return a virtual package for people."""
    version = str(virtual.version)
    return virtual.name.normalized + (f" {version}" if version != "0" else "")


def lacking(records: Sequence[RepoDataRecord]) -> tuple[str, ...]:
    """Say what packages ask of this machine that it does not have; one sentence each, without a full stop."""
    found = this_machine()
    here = [
        PackageRecord(one.name.normalized, str(one.version), BuildString(str(one.build_string)), 0, "noarch")
        for one in found
    ]
    listed = ", ".join(sorted(map(shown, found)))
    return tuple(
        f"{record.name.normalized} needs {wanted} of this machine, which has {listed}"
        for record in records
        for wanted in record.depends
        if wanted.startswith("__") and not any(MatchSpec(wanted).matches(one) for one in here)
    )
