"""What pixi reports when it fails, as our errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._spec.secrets import masked
from wetlands.exceptions import CommandFailedError, DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands.exceptions import ProvisioningError

__all__ = ["is_outdated", "translated"]

_BEGIN = re.compile(r"Error:\s")
_GLYPHS = re.compile(r"^\s*(?:Error:)?\s*(?:[×x]\s|[├╰]─▶\s|\|->\s|`->\s|│|\|)?\s?")
_PYPI = re.compile(r"failed to resolve pypi dependencies|failed to solve the pypi requirements")
_SOLVER = re.compile(r"Cannot solve the request because of:?\s*(.*)", re.DOTALL)
_NETWORK = re.compile(
    r"error sending request for url|could not find subdir|HTTP status|failed to (?:fetch|download)"
    r"|[45]\d\d (?:Not Found|Forbidden|Unauthorized)|tcp connect error|dns error"
)
_URL = re.compile(r"(?:https?|file)://[^\s\]\"')]+")
_VIRTUAL = re.compile(r"__(?:cuda|glibc|osx|linux|win|archspec)\b(?: [<>=!~*][^\s,;]*)?")
_LOCK = re.compile(r"lock.?file (?:is )?not up-to-date")


def translated(error: CommandFailedError, requirements: Sequence[str]) -> ProvisioningError:
    """Return the error that fits best what was reported; the given one, without what came before, when none does.

    Args:
        error: What `run_tool` raised.
        requirements: What was asked of conda, for people.
    """
    report = _report(error.output)
    text = "\n".join(_GLYPHS.sub("", line, count=1).rstrip() for line in report)
    solver = _SOLVER.search(text)
    if _PYPI.search(text):
        return CommandFailedError(error.command, error.exit_code, report, error.advice)
    if solver is not None:
        return _unsatisfiable(solver[1].strip(), requirements)
    if _NETWORK.search(text):
        return _not_had(text)
    advice = "The lock is for another recipe: lock anew." if _LOCK.search(text) else error.advice
    return CommandFailedError(error.command, error.exit_code, report, advice)


def is_outdated(error: CommandFailedError) -> bool:
    """Say whether pixi refused a lock file because it would change it."""
    return any(_LOCK.search(line) for line in error.output)


def _report(output: Sequence[str]) -> list[str]:
    """Return the report of the error, without what was logged before."""
    begins = [number for number, line in enumerate(output) if _BEGIN.match(line)]
    return list(output[begins[-1] :]) if begins else list(output)


def _unsatisfiable(reason: str, requirements: Sequence[str]) -> UnsatisfiableError:
    virtual = tuple(sorted({match.strip() for match in _VIRTUAL.findall(reason)}))
    advice = ""
    if virtual:
        advice = (
            f"Packages need {' and '.join(virtual)} of this machine. Ask for packages that do not, or pretend to have "
            "it with the variable CONDA_OVERRIDE_<NAME>."
        )
    return UnsatisfiableError(requirements, reason, virtual_packages=virtual, advice=advice)


def _not_had(text: str) -> DownloadError:
    address = _URL.search(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return DownloadError(
        masked(address[0]) if address else "",
        masked(": ".join(lines[:4])),
        "Check the channel's name or address, the network, and the proxies (set_proxies, HTTPS_PROXY).",
    )
