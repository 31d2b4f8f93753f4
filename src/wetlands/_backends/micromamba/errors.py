"""What micromamba says when it fails, as our errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._spec.secrets import masked
from wetlands.exceptions import CommandFailedError, DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands.exceptions import ProvisioningError

__all__ = ["translated"]

_LEVEL = re.compile(r"(trace|debug|info|warning|error|critical)\s+libmamba ?(.*)")
_SOLVER = re.compile(r"Could not solve for environment specs")
_NETWORK = re.compile(
    r"Download error \(\d+\)|status: [45]\d\d|\(status [45]\d\d\)|doesn't match expectation|incorrect downloads"
    r"|Subdir .* not loaded|Couldn't (?:connect|resolve)"
)
_URL = re.compile(r"(?:https?|file)://[^\s\]\"']+")
_DAMAGED = re.compile(r"doesn't match expectation|incorrect downloads")
_VIRTUAL = re.compile(r"__(?:cuda|glibc|osx|linux|win|archspec)\b[^\s,;]*(?: [<>=!~*][^\s,;]*)?")


def translated(error: CommandFailedError, requirements: Sequence[str]) -> ProvisioningError:
    """Return the error that fits best what was written; the given one, without details, when none does.

    Args:
        error: What `run_tool` raised.
        requirements: What was asked, for people.
    """
    messages = _messages(error.output)
    text = "\n".join(messages)
    if _SOLVER.search(text):
        return _unsatisfiable(error.output, requirements)
    if _NETWORK.search(text):
        return _not_had(text)
    return CommandFailedError(error.command, error.exit_code, messages or error.output, error.advice)


def _messages(output: Sequence[str]) -> list[str]:
    """Return what was logged as wrong, with the lines that belong to it, without the rest."""
    found: list[str] = []
    wanted = False
    for line in output:
        match = _LEVEL.match(line)
        if match is not None:
            wanted = match[1] in {"error", "critical"}
            line = match[2]  # noqa: PLW2901 - what is left of the line
        elif not line.startswith("    "):
            wanted = False
        if wanted and line.strip() and line.strip() not in found:
            found.append(line)
    return found


def _unsatisfiable(output: Sequence[str], requirements: Sequence[str]) -> UnsatisfiableError:
    lines = [line for line in _messages(output) if not _SOLVER.search(line) and line.strip() != "Aborting."]
    reason = "\n".join(line.removeprefix("    ") for line in lines) or "micromamba gives no reason."
    virtual = tuple(sorted({match.strip() for match in _VIRTUAL.findall(reason)}))
    advice = ""
    if virtual:
        advice = (
            f"Packages need {' and '.join(virtual)} of this machine. Ask for packages that do not, or pretend to have "
            "it with the variable CONDA_OVERRIDE_<NAME>."
        )
    return UnsatisfiableError(requirements, reason, virtual_packages=virtual, advice=advice)


def _not_had(text: str) -> DownloadError:
    lines = [line.strip() for line in text.splitlines() if _NETWORK.search(line)]
    address = _URL.search(" ".join(lines))
    url = masked(address[0]) if address else ""
    if _DAMAGED.search(text):
        return DownloadError(
            url, f"A package arrived damaged: {lines[0]}", "Try again; if it persists, tell the channel."
        )
    return DownloadError(
        url,
        masked("; ".join(dict.fromkeys(lines))),
        "Check the channel's name or address, the network, and the proxies (set_proxies, HTTPS_PROXY).",
    )
