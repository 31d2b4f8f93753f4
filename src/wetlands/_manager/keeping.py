"""The verbs about environments that exist: open, change, look at, delete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt, has_environment
from wetlands._backends.inventory import installed_packages
from wetlands._manager.building import Building, Deed
from wetlands._manager.names import MAIN, prefix_of
from wetlands._manager.wishes import Wishes
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.garbage import limits
from wetlands.exceptions import EnvironmentInUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from wetlands._backends.integrity.damage import Damage
    from wetlands._backends.inventory import InstalledPackage
    from wetlands._spec import Commands, Cutoff, Dependencies
    from wetlands._store.garbage import Cleanup
    from wetlands._store.progress import LoggedBuild
    from wetlands.environment import Environment
    from wetlands.task import Task

__all__ = ["Keeping"]


class Keeping(Building):
    """Opens environments, and changes and deletes them."""

    def load(self, name: str, environment_path: str | Path | None = None) -> Environment:
        """Open an environment that exists, whatever its recipe.

        Args:
            name: What to call it. Without a path, the name it was created with.
            environment_path: A conda prefix, a virtual environment, an interpreter in one of these, or a pixi workspace
                that was installed;
                of that the environment called `name` if it has one, else its default one.

        Raises:
            EnvironmentNotFoundError: There is none.
            EnvironmentReuseError: This manager has another environment of that name open.
            RecordError: What is stored about it is damaged.
        """
        checked = self._opened.check_name(name, reserved=MAIN)
        if environment_path is not None:
            path = Path(environment_path)
            environment = checked if has_environment(path, checked) else "default"
            return self._opened.open_foreign(checked, adopt(path, pixi_environment=environment))
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
        return self._do(self._installation(environment, dependencies, additional_install_commands))

    def install_async(
        self,
        environment: Environment,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        start: bool = True,
    ) -> Task[list[str]]:
        """Add packages to an environment, and go on; see `install`, and `create_async` for the task.

        A cancelled installation is not undone: a part of the packages may be there.
        """
        return self._do_as_task(self._installation(environment, dependencies, additional_install_commands), start=start)

    def _installation(
        self, environment: Environment, dependencies: Dependencies | None, commands: Commands | None
    ) -> Deed[list[str]]:
        base = Path.cwd()
        spec = parse(dependencies, commands=commands, platform=current_platform(), base=base)
        if self._opened.is_foreign(environment):
            path = prefix_of(environment).path
            return Deed("install", environment.name, lambda build: self._workshop.install_into(path, spec, base, build))
        name = self._opened.record_of(environment).name
        return Deed("install", name, lambda build: self._workshop.install(spec, base, build))

    def update_environment(
        self,
        environment: Environment,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
    ) -> Environment:
        """Build an environment anew and switch to it; workers that run go on with what they have.

        Args:
            environment: An environment that was created by a manager.
            dependencies: Its new recipe; None takes the stored one again, which brings newer versions where it allows,
                and leaves out what `install` added.
            additional_install_commands: Its new commands; None takes the stored ones.
            lock: As for `create`. Without one everything is resolved again, also when it was created from a lock.
            exclude_newer: As for `create`; None takes the limit of the recipe.

        Raises:
            LockError: The lock cannot be read, or does not fit the recipe or this machine; or a file is another one.
            EnvironmentNotFoundError: It was deleted, or is not one that this manager created or loaded by name.
            ProvisioningError: It cannot be built; the old one still works.
        """
        wishes = Wishes(lock, exclude_newer)
        return self._do(self._renewal(environment, dependencies, additional_install_commands, wishes))

    def update_environment_async(
        self,
        environment: Environment,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
        start: bool = True,
    ) -> Task[Environment]:
        """Build an environment anew, and go on; see `update_environment`, and `create_async` for the task."""
        wishes = Wishes(lock, exclude_newer)
        return self._do_as_task(
            self._renewal(environment, dependencies, additional_install_commands, wishes), start=start
        )

    def _renewal(
        self,
        environment: Environment,
        dependencies: Dependencies | None,
        additional_install_commands: Commands | None,
        wishes: Wishes,
    ) -> Deed[Environment]:
        record = self._opened.record_of(environment)
        base = Path(record.base) if dependencies is None else Path.cwd()
        wanted = parse(dependencies, commands=additional_install_commands, platform=current_platform(), base=base)
        spec = record.spec if dependencies is None else wanted
        commands = record.spec.commands if additional_install_commands is None else wanted.commands
        spec, locked = wishes.apply(replace(spec, commands=commands), record.name)

        def renew(build: LoggedBuild) -> Environment:
            return self._opened.open(self._workshop.build(spec, base, build, replace=True, locked=locked))

        return Deed("create", record.name, renew)

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

    def check_environment(self, environment: Environment, *, thorough: bool = False) -> list[Damage]:
        """Find files of an environment that are missing or changed, from what the installers wrote down.

        Files that no installer knows of are not looked at, nor are compiled Python files.

        Args:
            environment: The environment, made here or by others.
            thorough: Whether contents are compared too, which reads every file; else only presence and size.

        Returns:
            The damage, with package, path and what is wrong; an empty list when nothing is.
        """
        from wetlands._backends.integrity.check import check  # noqa: PLC0415 - few programs need it

        return check(prefix_of(environment).path, thorough=thorough)

    def repair_environment(self, environment: Environment) -> list[Damage]:
        """Install the damaged packages of an environment anew, in the versions that are there.

        Args:
            environment: An environment that was created by a manager.

        Returns:
            What was damaged, as `check_environment` finds it when it is thorough; an empty list when nothing was.

        Raises:
            EnvironmentInUseError: Live workers use it, of this program or of another; nothing was changed.
            EnvironmentNotFoundError: It was deleted, or is not one that this manager created or loaded by name.
            ProvisioningError: It cannot be repaired; the error says why. `update_environment` builds it anew.
        """
        name = self._opened.record_of(environment).name
        self._open_logs()
        return self._workshop.repair(name)

    def collect(
        self,
        *,
        max_age: timedelta | None = None,
        max_size: int | None = None,
        keep: Iterable[str] | Callable[[str], bool] = (),
        dry_run: bool = True,
    ) -> Cleanup:
        """Remove environments that were not used for long, and what interrupted builds and deletions left behind.

        Without a limit no environment is removed, only what was left behind. Environments stay that live workers use,
        of this program or of another, that this manager has open, or that are just being changed.

        Args:
            max_age: Environments go that were not used for longer than this. To start or end a worker is a use, and so
                are `create` and `load`.
            max_size: If all environments of the instance folder take more bytes than this, those go that were used
                longest ago.
            keep: Names of environments that stay, or a function that says of a name whether it stays.
            dry_run: Only say what would be removed, the default.

        Returns:
            What was removed or would be, and what stays, with sizes in bytes and reasons.

        Raises:
            ProvisioningError: The disk refuses.
            TypeError: A limit is of another kind.
            ValueError: A limit is negative.
        """
        # Not at the top: it imports psutil, and a create() that finds all as asked has no use for that.
        from wetlands._store.collect import collect  # noqa: PLC0415

        wanted = limits(max_age=max_age, max_size=max_size, keep=keep)
        self._open_logs()
        return collect(self._store, wanted, opened=frozenset(self._opened.environments), dry_run=dry_run)

    def environment_exists(self, path: str | Path) -> bool:
        """Say whether there is an environment, by the name it was created with or by its folder."""
        return self._opened.exists(path)

    def get_installed_packages(self, environment: Environment) -> list[InstalledPackage]:
        """Return name, version and kind (``"conda"`` or ``"pypi"``) of what is installed, without running anything."""
        return installed_packages(prefix_of(environment))
