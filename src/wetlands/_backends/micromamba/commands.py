"""What micromamba is told: arguments, variables, its configuration and its spec files. Nothing is run here.

Options and files are those of the reference (``micromamba create --help``, version 2). Channels and requirements go
through files, not arguments: an argument list is limited on Windows and shown to every user of the machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._backends.environ import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.conda_words import Channels
    from wetlands._backends.micromamba.answers import Package
    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.model import Spec

__all__ = ["Call", "configuration", "explicit_file", "spec_file", "tool_variables"]

# Where its caches and its root are, what the machine pretends to be, and how it reaches the network. Whatever else
# MAMBA_* and CONDA_* say belongs to the environment that this program was started in.
_KEPT = frozenset(
    {
        "CONDA_PKGS_DIRS",
        "MAMBA_NO_LOW_SPEED_LIMIT",
        "MAMBA_REMOTE_MAX_RETRIES",
        "MAMBA_ROOT_PREFIX",
        "MAMBA_SSL_NO_REVOKE",
        "MAMBA_SSL_VERIFY",
    }
)
_PRETENDED = "CONDA_OVERRIDE_"


@dataclass(frozen=True)
class Call:
    """How one prefix is worked on.

    Attributes:
        program: The executable.
        configuration: The file with `configuration`, the only one that is read.
        prefix: The prefix, absolute.
    """

    program: Path
    configuration: Path
    prefix: Path

    def plan(self, verb: str, specs: Path, *options: str) -> list[str]:
        """Return the command that only says, as JSON, what would be done."""
        return [*self._command(verb, specs), "--dry-run", "--json", *options]

    def explain(self, verb: str, specs: Path, *options: str) -> list[str]:
        """Return the command that says for people why it cannot be done: JSON leaves out the solver's reasons."""
        return [*self._command(verb, specs), "--dry-run", *options]

    def act(self, verb: str, specs: Path, *options: str) -> list[str]:
        """Return the command that does it, with a line for each package: JSON has none before the end."""
        return [*self._command(verb, specs), "-v", *options]

    def _command(self, verb: str, specs: Path) -> list[str]:
        options = ("--rc-file", str(self.configuration), "-p", str(self.prefix), "-y", "--no-pyc", "-f", str(specs))
        return [str(self.program), verb, *options]


def configuration(spec: Spec, channels: Channels, *, offline: bool) -> str:
    """Return the configuration for one recipe: its channels, in strict order, and what the user says of the network.

    It is JSON, which is YAML too.
    """
    said: dict[str, object] = {
        "channels": list(channels.all_of(spec)),
        "channel_priority": "strict",
        "add_pip_as_python_dependency": False,
        "offline": offline,
    }
    if not channels.condarc.ssl_verify:
        said["ssl_verify"] = False
    if channels.condarc.proxy_servers:
        said["proxy_servers"] = dict(channels.condarc.proxy_servers)
    return json.dumps(said, indent=1)


def spec_file(entries: Iterable[CondaRequirement], channels: Channels) -> str:
    """Return the file with requirements to solve for."""
    return "".join(f"{channels.placed(entry).text}\n" for entry in entries)


def explicit_file(packages: Sequence[Package]) -> str:
    """Return the file with packages to install as they are, each checked against its hash."""
    return "".join(f"{line}\n" for line in ("@EXPLICIT", *(package.explicit for package in packages)))


def tool_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to run micromamba with."""
    kept = {name: value for name, value in env.items() if name.upper() in _KEPT or name.startswith(_PRETENDED)}
    rest = {name: value for name, value in scrubbed(env).items() if not name.upper().startswith(("MAMBA_", "MAMBARC"))}
    return {**rest, **kept, "NO_COLOR": "1"}
