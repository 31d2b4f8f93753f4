"""What environments, builds and commands need from the manager they belong to."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Protocol

from wetlands._backends.existing import adopt
from wetlands._launch.activation import activate, conda_variables
from wetlands._launch.activation_pixi import with_hook, workspace_of
from wetlands._launch.activation_scripts import with_scripts
from wetlands._launch.commands import merged_environment
from wetlands._launch.install_commands import run_install_commands
from wetlands._platform.system import CURRENT
from wetlands._store.debuggers import note_debuggers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.prefix import Prefix
    from wetlands._launch.persistence import Persistence
    from wetlands._logs.instance import InstanceLogs
    from wetlands._store.debuggers import DebugEndpoint
    from wetlands._store.opened import Named, Opened
    from wetlands._store.store import Store
    from wetlands._store.usage import Mark
    from wetlands._store.workshop import Workshop
    from wetlands.external_environment import ExternalEnvironment

__all__ = ["LaunchServices"]


class _Door(Protocol):
    def begin(self) -> None: ...

    def close(self) -> None: ...


class LaunchServices:
    """The part of a manager that users do not call."""

    debug: bool
    wetlands_instance_path: Path
    _logs: InstanceLogs
    _opened: Opened[ExternalEnvironment]
    _proxies: dict[str, str]
    _door: _Door
    _store: Store
    _workshop: Workshop

    @property
    def environments_log_path(self) -> Path | None:
        """The file of the output of all workers, or None."""
        return self._logs.environments_path

    def child_environment(self, prefix: Prefix) -> dict[str, str]:
        """Return the variables for processes of a prefix: activated, with the proxies."""
        variables = merged_environment(activate(prefix, self._variables()), conda_variables(prefix), CURRENT)
        ours = prefix.path.is_relative_to(self.wetlands_instance_path)
        workspace = workspace_of(prefix)
        if workspace is not None:
            return with_hook(prefix, workspace, variables, toolbox=lambda: self._workshop.toolbox("pixi"), keep=ours)
        return with_scripts(prefix, variables, keep=ours)

    @property
    def persistence(self) -> Persistence:
        """The persistent workers of the instance."""
        from wetlands._launch.persistence import Persistence  # noqa: PLC0415 - most programs have none

        return Persistence(self.wetlands_instance_path, self.environments_log_path)

    def mark_in_use(self, environment: Named, pid: int | None = None) -> Mark | None:
        """Keep the files of an environment until the mark is released; call it before its workers start.

        When another process replaced it by a build of the same recipe, the environment is switched to that first.

        Args:
            environment: The environment.
            pid: Which process uses them, this one by default. Another one may outlive us: do not release its mark.

        Returns:
            The mark; None for an environment that others made, and remove when they like.

        Raises:
            EnvironmentNotFoundError: It was deleted meanwhile.
            EnvironmentReuseError: It was replaced meanwhile by a build of another recipe.
        """
        self._open_logs()
        return self._opened.mark_in_use(environment, pid)

    def note_debuggers(self, endpoints: Sequence[DebugEndpoint]) -> None:
        """Write down where workers listen, for the command line."""
        note_debuggers(self.wetlands_instance_path, endpoints)

    def show_workers(self) -> None:
        """Let the command line see the workers that were launched; returns at once."""
        self._door.begin()

    @property
    def log_instance(self) -> str:
        """What the records of this manager's environments carry, so that they land in its files."""
        return self._logs.instance

    def _variables(self) -> dict[str, str]:
        return {**os.environ, **self._proxies}

    def _run_install_commands(self, commands: Sequence[str], prefix: Path, observer: BuildObserver) -> None:
        run_install_commands(commands, prefix, environment=self.child_environment(adopt(prefix)), observer=observer)

    def _open_logs(self) -> None:
        self._logs.open(logging.DEBUG if self.debug else logging.INFO)
