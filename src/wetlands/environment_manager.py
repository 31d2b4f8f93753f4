"""EnvironmentManager: the only object that knows every stage, from a recipe to an environment to its workers."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from wetlands._backends.choose import Manager
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.prefix import Prefix
from wetlands._launch.command_processes import CommandProcesses
from wetlands._launch.ending import end_with_program, in_parallel
from wetlands._launch.proxies import proxy_variables
from wetlands._launch.services import LaunchServices
from wetlands._logs.instance import InstanceLogs
from wetlands._platform.names import current_platform
from wetlands._spec import Spec, parse, parse_commands
from wetlands._store.opened import Opened
from wetlands._store.provision import reusable
from wetlands._store.store import Store
from wetlands._store.workshop import Workshop
from wetlands.exceptions import EnvironmentInUseError
from wetlands.external_environment import ExternalEnvironment
from wetlands.internal_environment import InternalEnvironment
from wetlands.logger import logger

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from wetlands._backends.inventory import InstalledPackage
    from wetlands._launch.output import ProcessLogger
    from wetlands._spec import Commands, Dependencies
    from wetlands.environment import Environment

__all__ = ["EnvironmentManager"]

_MAIN = "wetlands_main"
# How long exit() waits for deleted environments to give back their space; the next build does what remains.
_RECLAIM_SECONDS = 1.0


class EnvironmentManager(LaunchServices):
    """Makes environments, finds them again, and stops what runs in them.

    Making a manager touches nothing: no network, no process, no file. All verbs may be called from several threads, and
    several processes may use one instance folder. What still runs is stopped when the program ends; use it as a context
    manager to have that earlier.

    Args:
        wetlands_instance_path: The folder of the environments and of the logs.
        conda_path: A pixi or micromamba to use for all environments, or the folder it is in.
        main_conda_environment_path: The environment this program runs in, for `main_environment`.
        debug: Whether the log files get messages of level DEBUG too.
        manager: What builds environments; ``"auto"`` chooses by recipe.
        log_file_path: The log file of this manager, relative to the instance folder; None writes no log file.

    Attributes:
        wetlands_instance_path: The instance folder, absolute.
        environments: What was created or loaded here and not deleted, by name.
        main_environment: This very process, with the verbs of an environment.
        debug: As given.
    """

    def __init__(
        self,
        wetlands_instance_path: str | Path = "wetlands",
        conda_path: str | Path | None = None,
        main_conda_environment_path: str | Path | None = None,
        debug: bool = False,  # noqa: FBT001, FBT002 - the 1.x interface
        manager: Manager = "auto",
        log_file_path: str | Path | None = "wetlands.log",
    ) -> None:
        if manager not in get_args(Manager):
            raise ValueError(f"manager must be one of {', '.join(get_args(Manager))}, not {manager!r}.")
        self.wetlands_instance_path = Path(wetlands_instance_path).expanduser().absolute()
        self.debug = debug
        main_path = None if main_conda_environment_path is None else Path(main_conda_environment_path)
        self.main_environment = InternalEnvironment(_MAIN, main_path, self)
        self._proxies: dict[str, str] = {}
        self._logs = InstanceLogs(self.wetlands_instance_path, log_file_path)
        self._store = Store(self.wetlands_instance_path)
        self._workshop = Workshop(
            self._store,
            instance=self._logs.instance,
            variables=self._variables,
            run_commands=self._run_install_commands,
        )
        self._workshop.manager = manager
        self._workshop.conda_path = None if conda_path is None else Path(conda_path)
        self._opened = Opened(self._store, lambda name, prefix, build: ExternalEnvironment(name, prefix, self, build))
        self.environments = self._opened.environments
        self._commands = CommandProcesses()
        end_with_program(self)

    def create(
        self,
        name: str,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        replace_existing: bool = False,
    ) -> Environment:
        """Build an environment, or reuse the one of that name when it was built from the same recipe.

        Reuse is decided from the stored recipe alone, in a few milliseconds. While another thread or process builds the
        same environment, this waits for it and says so in the log. A build that fails leaves what was there as it was.

        Args:
            name: Its name, one portable path component.
            dependencies: Its recipe; without one it is an empty environment.
            additional_install_commands: Shell lines to run in it after the packages are installed, part of the recipe.
            replace_existing: Build it anew, whatever is there; workers that run go on with what they have.

        Returns:
            The environment; the same object for the same name, as long as it is not deleted.

        Raises:
            EnvironmentReuseError: The name is taken by an environment with another recipe.
            RecordError: What is stored about an environment of that name is damaged.
            InvalidNameError: The name cannot be one.
            InvalidDependencyError: The recipe cannot be understood.
            ProvisioningError: It cannot be built; the error carries the output of what failed.
        """
        checked = self._opened.check_name(name, reserved=_MAIN)
        base = Path.cwd()
        spec = parse(dependencies, commands=additional_install_commands, platform=current_platform(), base=base)
        return self._make(checked, spec, base, replace=replace_existing)

    def create_from_config(
        self,
        name: str,
        config_path: str | Path,
        optional_dependencies: Sequence[str] | None = None,
        additional_install_commands: Commands | None = None,
        *,
        replace_existing: bool = False,
        install_project: bool = False,
        project_path: str | Path | None = None,
        project_editable: bool = False,
    ) -> Environment:
        """Build an environment from a config file of another tool, or reuse it as `create` does.

        What the file holds and cannot be honoured is an error, or is logged with the place where it stands.

        Args:
            name: Its name. An environment of a pixi workspace is taken where it has one of that name.
            config_path: ``requirements.txt``, ``environment.yml``, ``pyproject.toml``, ``pixi.toml``, or a script with
                a header (PEP 723). Relative paths in it begin at its folder.
            optional_dependencies: The extras, groups or pixi features wanted too.
            additional_install_commands: As for `create`.
            replace_existing: As for `create`.
            install_project: Whether the project is installed too, not only what it needs.
            project_path: Its folder; that of the file by default.
            project_editable: Whether edits of its sources are seen without installing anew.

        Raises:
            InvalidDependencyError: The file is not there or cannot be understood; the message names the place.
            WetlandsError: As `create` does.
        """
        from wetlands._spec.config import from_config  # noqa: PLC0415 - programs with recipes of their own need none of it

        checked = self._opened.check_name(name, reserved=_MAIN)
        commands = parse_commands(additional_install_commands, current_platform(), "additional_install_commands")
        path = Path(config_path).expanduser().absolute()
        config = from_config(
            path,
            name=checked,
            optional=optional_dependencies,
            commands=commands,
            platform=current_platform(),
            environ=self._variables(),
            install_project=install_project,
            project_path=project_path,
            project_editable=project_editable,
        )
        self._open_logs()
        for remark in config.remarks:
            logger.log_environment(
                remark.level, "%s", remark.text, env_name=checked, stage="create", instance=self.log_instance
            )
        return self._make(checked, config.spec, path.parent, replace=replace_existing)

    def load(self, name: str, environment_path: str | Path | None = None) -> Environment:
        """Open an environment that exists, whatever its recipe.

        Args:
            name: What to call it. Without a path, the name it was created with.
            environment_path: A conda prefix, a virtual environment, an interpreter in one of these, or a pixi workspace
                that was installed.

        Raises:
            EnvironmentNotFoundError: There is none.
            EnvironmentReuseError: This manager has another environment of that name open.
            RecordError: What is stored about it is damaged.
        """
        checked = self._opened.check_name(name, reserved=_MAIN)
        if environment_path is not None:
            return self._opened.open_foreign(checked, adopt(Path(environment_path)))
        self._opened.refuse_foreign(checked)
        return self._opened.open(self._opened.find(checked))

    def install(
        self,
        environment: Environment,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
    ) -> list[str]:
        """Add packages to an environment; its recipe no longer tells what is in it, and `create` will say so.

        Args:
            environment: The environment, made here or by others.
            dependencies: What to add.
            additional_install_commands: Shell lines to run in it afterwards.

        Returns:
            The lines that the tools wrote.

        Raises:
            InvalidDependencyError: The recipe cannot be understood.
            ProvisioningError: Something cannot be installed; the error carries the output of what failed.
        """
        base = Path.cwd()
        spec = parse(dependencies, commands=additional_install_commands, platform=current_platform(), base=base)
        self._open_logs()
        if self._opened.is_foreign(environment):
            return self._workshop.install_into(environment.name, _prefix_of(environment).path, spec, base)
        return self._workshop.install(self._opened.record_of(environment).name, spec, base)

    def update_environment(
        self,
        environment: Environment,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
    ) -> Environment:
        """Build an environment anew and switch to it; workers that run go on with what they have.

        Args:
            environment: An environment that was created by a manager.
            dependencies: Its new recipe; None takes the stored one again, which brings newer versions where it allows,
                and leaves out what `install` added.
            additional_install_commands: Its new commands; None takes the stored ones.

        Raises:
            EnvironmentNotFoundError: It was deleted, or is not one that this manager created or loaded by name.
            ProvisioningError: It cannot be built; the old one still works.
        """
        record = self._opened.record_of(environment)
        base = Path(record.base) if dependencies is None else Path.cwd()
        wanted = parse(dependencies, commands=additional_install_commands, platform=current_platform(), base=base)
        spec = record.spec if dependencies is None else wanted
        commands = record.spec.commands if additional_install_commands is None else wanted.commands
        self._open_logs()
        new = self._workshop.build(environment.name, replace(spec, commands=commands), base, replace=True)
        return self._opened.open(new)

    def delete_environment(self, environment: Environment) -> None:
        """Delete an environment; its space is given back in the background.

        Raises:
            EnvironmentInUseError: Live workers use it, of this program or of another.
            EnvironmentNotFoundError: It was deleted already, or is not one that this manager created or loaded by name.
        """
        name = self._opened.record_of(environment).name
        if environment.launched():
            raise EnvironmentInUseError(
                f"Environment {name!r} has live workers: stop them with exit(), then delete it."
            )
        self._open_logs()
        self._workshop.remove(name)
        self._opened.forget(environment)

    def environment_exists(self, path: str | Path) -> bool:
        """Say whether there is an environment, by the name it was created with or by its folder."""
        return self._opened.exists(path)

    def get_installed_packages(self, environment: Environment) -> list[InstalledPackage]:
        """Return name, version and kind (``"conda"`` or ``"pypi"``) of what is installed, without running anything."""
        return installed_packages(_prefix_of(environment))

    def execute_commands(  # noqa: PLR0917 - the parameters of the 1.x interface
        self,
        environment: Environment,
        commands: Commands,
        additional_activate_commands: Commands | None = None,
        popen_kwargs: Mapping[str, Any] | None = None,  # Any: what Popen takes is the user's to know
        wait: bool = False,  # noqa: FBT001, FBT002 - the 1.x interface
        log_context: Mapping[str, object] | None = None,
        log: bool = True,  # noqa: FBT001, FBT002 - the 1.x interface
    ) -> subprocess.Popen[Any]:
        """Run shell lines in the activated environment, one after the other, until one fails.

        Args:
            environment: The environment.
            commands: The lines.
            additional_activate_commands: Lines to run before them in the same shell.
            popen_kwargs: Arguments of ``subprocess.Popen``. By default the output is text in UTF-8, with stderr merged
                into stdout, and stdin is empty.
            wait: Whether to wait for the end.
            log_context: Attributes for the log records of the output.
            log: Whether the output is logged; otherwise the caller reads ``process.stdout``.

        Returns:
            The process. It is ended with this manager.
        """
        lines = [
            *parse_commands(additional_activate_commands, current_platform(), "additional_activate_commands"),
            *parse_commands(commands, current_platform()),
        ]
        self._open_logs()
        with self._logs.attributed():
            process = self._commands.start(
                lines,
                environment=self.child_environment(_prefix_of(environment)),
                popen_kwargs=popen_kwargs,
                context={"env_name": environment.name, **(log_context or {})},
                log=log,
            )
        if wait:
            self._commands.wait(process)
        return process

    def get_process_logger(self, process: subprocess.Popen[Any]) -> ProcessLogger:
        """Return the output of a process that `execute_commands` started: to subscribe to, wait for or read back.

        Raises:
            ValueError: It was not started here, or long ago.
        """
        with self._logs.attributed():
            return self._commands.output_of(process)

    def set_proxies(self, proxies: Mapping[str, str]) -> None:
        """Set the proxies that builds, workers and commands started from now on use; none forgets them.

        They travel in environment variables, so they are in no command line.

        Args:
            proxies: URLs by scheme: ``{"http": ..., "https": ...}``; ``"all"`` and ``"no"`` are known too.
        """
        self._proxies = proxy_variables(proxies)

    def set_conda_path(self, path: str | Path, use_pixi: bool = True) -> None:  # noqa: FBT001, FBT002 - the 1.x interface
        """Build with the pixi, or else the micromamba, that lies there."""
        self._workshop.conda_path = Path(path)
        self._workshop.manager = "pixi" if use_pixi else "micromamba"

    def install_conda(self) -> None:
        """Make sure that the tool this manager builds with is there.

        Raises:
            ProvisioningError: It is one that this version does not have.
        """
        backend = self._workshop.choose(Spec(), Path.cwd()).backend
        logger.log_global(logging.INFO, "Nothing to install: environments are built with %s.", backend.name)

    def exit(self) -> None:
        """Stop everything: builds, workers and commands. The manager can be used again afterwards."""
        self._workshop.cancel()
        self.detach()

    def detach(self) -> None:
        """Close our side: persistent workers live on, the others are stopped, and so are commands."""
        environments = (*self.environments.copy().values(), self.main_environment)
        try:
            in_parallel([*(environment.exit for environment in environments), self._commands.stop])
        finally:
            self._store.reclaimer.wait(_RECLAIM_SECONDS)
            self._logs.close()

    def _make(self, name: str, spec: Spec, base: Path, *, replace: bool) -> Environment:
        self._opened.refuse_foreign(name)
        self._open_logs()
        record = None if replace else reusable(self._store, name, spec, base)
        if record is None:
            record = self._workshop.build(name, spec, base, replace=replace)
        return self._opened.open(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.exit()


def _prefix_of(environment: Environment) -> Prefix:
    if isinstance(environment, ExternalEnvironment):
        return environment.prefix
    path = Path(sys.prefix) if environment.path is None else environment.path
    return Prefix(path, Path(sys.executable), "conda" if (path / "conda-meta").is_dir() else "venv")
