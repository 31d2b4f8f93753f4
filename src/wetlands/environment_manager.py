"""EnvironmentManager: the only object that knows every stage, from a recipe to an environment to its workers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from wetlands._backends.choose import Manager
from wetlands._launch.command_processes import CommandProcesses
from wetlands._launch.ending import end_with_program, in_parallel
from wetlands._logs.instance import InstanceLogs
from wetlands._manager.attaching import Attaching
from wetlands._manager.building import cancel_all
from wetlands._manager.commanding import Commanding
from wetlands._manager.display import show
from wetlands._manager.locking import Locking
from wetlands._manager.making import Making
from wetlands._manager.names import MAIN
from wetlands._pool.limits import checked_accept
from wetlands._store.opened import Opened
from wetlands._store.store import Store
from wetlands._store.workshop import Workshop, unseen
from wetlands._view.program import ProgramDoor
from wetlands.external_environment import ExternalEnvironment
from wetlands.internal_environment import InternalEnvironment
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from wetlands._plain.decoding import Accept
    from wetlands.environment import Environment
    from wetlands.task import Task

__all__ = ["EnvironmentManager"]

# How long exit() waits for deleted environments to give back their space; the next build does what remains.
_RECLAIM_SECONDS = 1.0
# How long exit() waits for builds that were told to stop: tools are killed, and what was made is removed.
_BUILDS_SECONDS = 30.0


class EnvironmentManager(Making, Attaching, Locking, Commanding):
    """Makes environments, finds them again, and stops what runs in them.

    Making a manager touches nothing: no network, no process, no file. All verbs may be called from several threads, and
    several processes may use one instance folder. What still runs is stopped when the program ends; use it as a context
    manager to have that earlier.

    Args:
        wetlands_instance_path: The folder of the environments and of the logs.
        conda_path: A pixi or micromamba to use for all environments, or the folder it is or will be installed in.
        main_conda_environment_path: The environment this program runs in, for `main_environment`.
        debug: Whether workers listen for a debugger from their start (see `Environment.debug`), and the log files get
            messages of level DEBUG too.
        manager: What builds environments; ``"auto"`` chooses by recipe.
        log_file_path: The log file of this manager, relative to the instance folder; None writes no log file.
        progress: Whether builds are shown while they are under way, when standard error is a terminal; otherwise
            nothing is shown in any case.
        accept: Which values are taken from workers, where `Environment.launch` is not told: ``"any"``, or ``"plain"``
            for environments whose packages are not trusted.

    Attributes:
        wetlands_instance_path: The instance folder, absolute.
        environments: What was created or loaded here and not deleted, by name.
        main_environment: This very process, with the verbs of an environment.
        debug: As given.
        accept: As given.
    """

    def __init__(
        self,
        wetlands_instance_path: str | Path = "wetlands",
        conda_path: str | Path | None = None,
        main_conda_environment_path: str | Path | None = None,
        debug: bool = False,  # noqa: FBT001, FBT002 - the 1.x interface
        manager: Manager = "auto",
        log_file_path: str | Path | None = "wetlands.log",
        *,
        progress: bool = True,
        accept: Accept = "any",
    ) -> None:
        if manager not in get_args(Manager):
            raise ValueError(f"manager must be one of {', '.join(get_args(Manager))}, not {manager!r}.")
        self.wetlands_instance_path = Path(wetlands_instance_path).expanduser().absolute()
        self.debug = debug
        self.accept: Accept = checked_accept(accept)
        main_path = None if main_conda_environment_path is None else Path(main_conda_environment_path)
        self.main_environment = InternalEnvironment(MAIN, main_path, self)
        self._proxies: dict[str, str] = {}
        self._logs = InstanceLogs(self.wetlands_instance_path, log_file_path)
        self._store = Store(self.wetlands_instance_path)
        self._workshop = Workshop(
            self._store,
            instance=self._logs.instance,
            variables=self._variables,
            run_commands=self._run_install_commands,
            display=show if progress else unseen,
        )
        self._workshop.manager = manager
        self._workshop.conda_path = None if conda_path is None else Path(conda_path)
        self._opened = Opened(self._store, lambda name, prefix, build: ExternalEnvironment(name, prefix, self, build))
        self.environments = self._opened.environments
        self._commands = CommandProcesses()
        self._door = ProgramDoor(self.wetlands_instance_path, lambda: list(self.environments.copy().values()))
        self._builds: set[Task[object]] = set()
        end_with_program(self)

    def set_conda_path(self, path: str | Path, use_pixi: bool = True) -> None:  # noqa: FBT001, FBT002 - the 1.x interface
        """Build with the pixi, or else the micromamba, that lies there or will be installed there.

        Args:
            path: Its executable, or the folder it is or will be in.
            use_pixi: Whether it is pixi; otherwise it is micromamba.
        """
        self._workshop.conda_path = Path(path)
        self._workshop.manager = "pixi" if use_pixi else "micromamba"

    def install_conda(self) -> None:
        """Make sure that the tool this manager builds with is there: found, or downloaded now instead of when needed.

        Raises:
            DownloadError: It cannot be had.
            ProvisioningError: What conda_path names cannot be run or is too old, or no tool can be installed there.
        """
        tool = self._workshop.tool()
        self._open_logs()
        if tool is None:
            logger.log_global(logging.INFO, "Nothing to install: environments are built with rattler or uv.")
            return
        found = self._workshop.obtain(tool)
        logger.log_global(logging.INFO, "Environments are built with %s %s at %s.", tool, found.version, found.path)

    def exit(self) -> None:
        """Stop everything: builds, workers and commands. The manager can be used again afterwards.

        Builds are canceled, and have left nothing when this returns.
        """
        ended = self._workshop.cancel(_BUILDS_SECONDS) and cancel_all(self._builds, _BUILDS_SECONDS)
        if not ended:
            logger.log_global(logging.WARNING, "A build has not ended %s s after it was canceled.", _BUILDS_SECONDS)
        self._end([environment.exit for environment in self._all()])

    def detach(self) -> None:
        """Close our side: persistent workers live on, the others are stopped, and so are commands."""
        self._end([environment.detach for environment in self._all()])

    def _all(self) -> Sequence[Environment]:
        return (*self.environments.copy().values(), self.main_environment)

    def _end(self, deeds: Sequence[Callable[[], None]]) -> None:
        self._door.close()
        try:
            in_parallel([*deeds, self._commands.stop])
        finally:
            self._store.reclaimer.wait(_RECLAIM_SECONDS)
            self._logs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.exit()
