"""How the conda world names this machine: ``linux-64``, ``osx-arm64``, ``win-64``..."""

from __future__ import annotations

import platform
import sys

__all__ = ["conda_platform", "current_platform"]

_SYSTEMS = {"linux": "linux", "darwin": "osx", "windows": "win", "win32": "win"}
_MACHINES = {
    "x86_64": "64",
    "amd64": "64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "i386": "32",
    "i686": "32",
    "x86": "32",
}


def conda_platform(system: str, machine: str) -> str:
    """Name a machine as conda does.

    A system or processor that conda has no packages for keeps its own words (``freebsd-riscv64``), so that
    environments made from PyPI alone still work there, and errors name what the machine is.

    Args:
        system: As of ``sys.platform`` or ``platform.system()``, in any case.
        machine: As of ``platform.machine()``, in any case.

    Returns:
        The platform, such as ``linux-aarch64``.
    """
    family = _SYSTEMS.get(system.lower(), system.lower())
    processor = _MACHINES.get(machine.lower(), machine.lower())
    if family == "linux" and processor == "arm64":
        processor = "aarch64"  # conda names this processor differently on each system
    return f"{family}-{processor}"


def current_platform() -> str:
    """Name the machine this process runs on, as conda does."""
    return conda_platform(sys.platform, platform.machine())
