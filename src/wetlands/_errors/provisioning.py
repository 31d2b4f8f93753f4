"""Environments that could not be built or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._errors.base import WetlandsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "CommandFailedError",
    "DiskSpaceError",
    "DownloadError",
    "InterpreterNotFoundError",
    "ProvisioningCanceledError",
    "ProvisioningError",
    "UnsatisfiableError",
]


class ProvisioningError(WetlandsError):
    """An environment could not be built or changed; what existed before still works."""


class InterpreterNotFoundError(ProvisioningError):
    """No Python interpreter on this machine satisfies the recipe.

    Attributes:
        requirement: The Python that was asked for.
        found: The interpreters that were found, as ``"3.11.7 at /usr/bin/python3"``.
    """

    def __init__(self, requirement: str, found: Sequence[str]) -> None:
        super().__init__(requirement, tuple(found))
        self.requirement = requirement
        self.found = tuple(found)

    def __str__(self) -> str:
        found = "; ".join(self.found) if self.found else "none"
        return (
            f"No Python that satisfies {self.requirement!r} is installed on this machine (found: {found}). "
            'Install one, ask for one of these with "python", or add a conda package so that Python comes from conda.'
        )


class UnsatisfiableError(ProvisioningError):
    """No set of conda packages fits all that is asked.

    Attributes:
        requirements: What was asked.
        reason: Why it cannot be, as the solver says it, over several lines.
        droppable: The smallest set of requirements without which the rest can be; empty when none was found quickly.
        virtual_packages: What packages need of the machine that it does not have, such as ``"__cuda >=11"``.
        advice: What to do next, where more than the above can be said.
    """

    def __init__(
        self,
        requirements: Sequence[str],
        reason: str,
        *,
        droppable: Sequence[str] = (),
        virtual_packages: Sequence[str] = (),
        advice: str = "",
    ) -> None:
        super().__init__(tuple(requirements), reason)
        self.requirements = tuple(requirements)
        self.reason = reason
        self.droppable = tuple(droppable)
        self.virtual_packages = tuple(virtual_packages)
        self.advice = advice

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.reason.splitlines())
        told = [f"No set of packages satisfies {', '.join(self.requirements)}:{lines}"]
        if self.droppable:
            told.append(f"Without {' and '.join(self.droppable)} the rest can be installed.")
        if self.advice:
            told.append(self.advice)
        return "\n".join(told)


class DownloadError(ProvisioningError):
    """A conda channel or a package of it could not be had, or arrived damaged.

    Attributes:
        url: What was asked for, without credentials; empty where the engine did not say.
        reason: What went wrong.
        advice: What to do next.
    """

    def __init__(self, url: str, reason: str, advice: str) -> None:
        super().__init__(url, reason, advice)
        self.url = url
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        place = f" ({self.url})" if self.url else ""
        return f"{self.reason}{place}. {self.advice}"


class DiskSpaceError(ProvisioningError):
    """A disk has too little room for what would be downloaded; nothing was.

    Attributes:
        folder: A folder on that disk.
        needed: Bytes that are needed.
        free: Bytes that are free.
    """

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        super().__init__(folder, needed, free)
        self.folder = folder
        self.needed = needed
        self.free = free

    def __str__(self) -> str:
        return (
            f"The conda packages need {self.needed / 1e9:.2f} GB on the disk of {self.folder}, which has "
            f"{self.free / 1e9:.2f} GB free. Free some space, or use another disk: for environments with "
            "wetlands_instance_path, for the package cache with RATTLER_CACHE_DIR."
        )


class CommandFailedError(ProvisioningError):
    """A tool, or a command of the user, ended with a non-zero code.

    Attributes:
        command: What was run, secrets masked.
        exit_code: Its exit code.
        output: The last lines it wrote.
        advice: What to do next, where more than the output can be said.
    """

    def __init__(self, command: str, exit_code: int, output: Sequence[str], advice: str = "") -> None:
        super().__init__(command, exit_code, tuple(output), advice)
        self.command = command
        self.exit_code = exit_code
        self.output = tuple(output)
        self.advice = advice

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.output) or " (it wrote nothing)"
        advice = f"\n{self.advice}" if self.advice else ""
        return f"`{self.command}` ended with exit code {self.exit_code}. Its last output:{lines}{advice}"


class ProvisioningCanceledError(ProvisioningError):
    """A build was cancelled; nothing of it is left."""
