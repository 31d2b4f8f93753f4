"""What pixi is told: arguments, variables, and the files of a workspace. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wetlands._backends.environ import scrubbed
from wetlands._backends.existing import CHOICE
from wetlands._backends.offline import is_offline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CONFIGURATION", "LockUse", "Workspace", "tool_variables"]

LockUse = Literal["--locked", "--frozen"]

CONFIGURATION = "detached-environments = false\n"
"""The configuration of a workspace: whatever the user has for his own, the environment lies in it."""

# Where its caches, its configuration and its credentials are, and whether it may use the network. Other variables of
# pixi would change what a command does (PIXI_FROZEN, PIXI_NO_INSTALL, ...) or name another workspace.
_KEPT = ("PIXI_HOME", "PIXI_CACHE_", "PIXI_OFFLINE", "PIXI_CONFIG_FILE", "PIXI_NO_CONFIG", "PIXI_TLS_")
_COLOURS = frozenset({"FORCE_COLOR", "CLICOLOR_FORCE"})
_PRETENDED = "CONDA_OVERRIDE_"


@dataclass(frozen=True)
class Workspace:
    """A pixi workspace and one of its environments.

    Attributes:
        manifest: Its ``pixi.toml`` or ``pyproject.toml``, absolute.
        environment: The name of the environment.
    """

    manifest: Path
    environment: str = "default"

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.manifest.parent

    @property
    def lock(self) -> Path:
        """Its lock file."""
        return self.root / "pixi.lock"

    @property
    def configuration(self) -> Path:
        """The file of its own configuration."""
        return self.root / ".pixi" / "config.toml"

    @property
    def prefix(self) -> Path:
        """Where the environment lies."""
        return self.root / ".pixi" / "envs" / self.environment

    @property
    def choice(self) -> Path:
        """The file that says which environment of the workspace was meant, where it is not the default one."""
        return self.root / ".pixi" / CHOICE

    def install(self, program: Path, *, lock: LockUse | None = None) -> list[str]:
        """Return the command that solves and installs.

        Args:
            program: pixi.
            lock: ``"--locked"`` refuses a lock file that pixi would change, ``"--frozen"`` takes it as it is.
        """
        options = [] if lock is None else [lock]
        return [str(program), "install", *self._selection(), "-v", *options]

    def hook(self, program: Path) -> list[str]:
        """Return the command that says, as JSON, what activating the environment does; it changes nothing."""
        return [str(program), "shell-hook", *self._selection(), "--json", "--frozen", "--no-install"]

    def _selection(self) -> tuple[str, ...]:
        return ("--manifest-path", str(self.manifest), "--environment", self.environment)


def tool_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to run pixi with."""
    kept = {name: value for name, value in env.items() if name.upper().startswith((*_KEPT, _PRETENDED))}
    rest = {
        name: value
        for name, value in scrubbed(env).items()
        if not name.upper().startswith("PIXI_") and name.upper() not in _COLOURS
    }
    if is_offline(env, "PIXI_OFFLINE"):
        kept["PIXI_OFFLINE"] = "true"
    # Without these, reports are broken into lines of 80 characters, coloured, and mixed with bars.
    return {**rest, **kept, "PIXI_NO_WRAP": "1", "NO_COLOR": "1", "PIXI_NO_PROGRESS": "1"}
