"""The verbs that make an environment from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._manager.building import Deed
from wetlands._manager.configs import Configs
from wetlands._manager.names import MAIN
from wetlands._manager.wishes import Wishes
from wetlands._platform.names import current_platform
from wetlands._spec import parse, parse_commands
from wetlands._store.provision import reusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._backends.locks.model import LockedPlatform
    from wetlands._spec import Commands, Cutoff, Dependencies, Spec
    from wetlands._store.progress import LoggedBuild
    from wetlands.environment import Environment
    from wetlands.task import Task

__all__ = ["Making"]


class Making(Configs):
    """Builds environments, or reuses them."""

    def create(
        self,
        name: str,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        replace_existing: bool = False,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
    ) -> Environment:
        """Build an environment, or reuse the one of that name when it was built from the same recipe.

        Reuse is decided from the stored recipe alone, in a few milliseconds. While another thread or process builds the
        same environment, this waits for it and says so in the log. A build that fails leaves what was there as it was.

        Args:
            name: Its name, one portable path component.
            dependencies: Its recipe; without one it is an empty environment.
            additional_install_commands: Shell lines to run in it after the packages are installed, part of the recipe.
            replace_existing: Build it anew, whatever is there; workers that run go on with what they have.
            lock: A ``pixi.lock`` that says exactly which packages: nothing is solved, and every file must be the one
                that was locked. One environment of the lock has this name, or is called ``"default"``. With a lock the
                recipe may be left out.
            exclude_newer: Packages that were published later are not seen: a day (``"2026-01-31"``, counted whole in
                UTC), a moment, or an age (``"7d"``, a `timedelta`), which is counted from the time of the build. It is
                part of the recipe.

        Returns:
            The environment; the same object for the same name, as long as it is not deleted.

        Raises:
            EnvironmentReuseError: The name is taken by an environment with another recipe, or with other packages than
                the lock says.
            LockError: The lock cannot be read, or does not fit the recipe or this machine; or a file is another one.
            RecordError: What is stored about an environment of that name is damaged.
            InvalidNameError: The name cannot be one.
            InvalidDependencyError: The recipe cannot be understood.
            ProvisioningError: It cannot be built; the error carries the output of what failed.
        """
        wishes = Wishes(lock, exclude_newer)
        deed = self._creation(name, dependencies, additional_install_commands, wishes, replace=replace_existing)
        return self._do(deed)

    def create_async(
        self,
        name: str,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        replace_existing: bool = False,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
        start: bool = True,
    ) -> Task[Environment]:
        """Build an environment, or reuse it, and go on; see `create`.

        The task tells what is done: its ``message``, its ``stage``, and ``current`` of ``maximum`` where the stage
        counts bytes or packages. It fails with the errors of `create`. Cancelling it ends the tools that are at work,
        and removes what they made.

        Args:
            name: As for `create`.
            dependencies: As for `create`.
            additional_install_commands: As for `create`.
            replace_existing: As for `create`.
            lock: As for `create`.
            exclude_newer: As for `create`.
            start: False leaves it to `Task.start`, so that listeners can be added before anything happens.

        Raises:
            InvalidNameError: The name cannot be one.
            InvalidDependencyError: The recipe cannot be understood.
            EnvironmentReuseError: This manager has an environment that others made open under that name.
            LockError: The lock cannot be read, or does not fit the recipe or this machine.
        """
        wishes = Wishes(lock, exclude_newer)
        deed = self._creation(name, dependencies, additional_install_commands, wishes, replace=replace_existing)
        return self._do_as_task(deed, start=start)

    def create_from_config(  # noqa: PLR0913 - nearly all are options, with a default
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
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
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
            lock: As for `create`; of a pixi workspace, the ``pixi.lock`` beside its manifest.
            exclude_newer: As for `create`; it goes before what the file says.

        Raises:
            InvalidDependencyError: The file is not there or cannot be understood; the message names the place.
            WetlandsError: As `create` does.
        """
        deed = self._creation_from_config(
            name,
            config_path,
            optional_dependencies,
            additional_install_commands,
            Wishes(lock, exclude_newer),
            replace=replace_existing,
            project=(install_project, project_path, project_editable),
        )
        return self._do(deed)

    def create_from_config_async(  # noqa: PLR0913 - those of create_from_config, and `start`
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
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
        start: bool = True,
    ) -> Task[Environment]:
        """Build an environment from a config file, or reuse it, and go on; see `create_from_config` and `create_async`.

        The file is read before this returns.
        """
        deed = self._creation_from_config(
            name,
            config_path,
            optional_dependencies,
            additional_install_commands,
            Wishes(lock, exclude_newer),
            replace=replace_existing,
            project=(install_project, project_path, project_editable),
        )
        return self._do_as_task(deed, start=start)

    def _creation(
        self, name: str, dependencies: Dependencies | None, commands: Commands | None, wishes: Wishes, *, replace: bool
    ) -> Deed[Environment]:
        checked = self._opened.check_name(name, reserved=MAIN)
        base = Path.cwd()
        spec = parse(dependencies, commands=commands, platform=current_platform(), base=base)
        spec, locked = wishes.apply(spec, checked)
        return self._making(checked, spec, base, replace=replace, locked=locked)

    def _creation_from_config(
        self,
        name: str,
        config_path: str | Path,
        optional_dependencies: Sequence[str] | None,
        additional_install_commands: Commands | None,
        wishes: Wishes,
        *,
        replace: bool,
        project: tuple[bool, str | Path | None, bool],
    ) -> Deed[Environment]:
        from wetlands._spec.config import native_config  # noqa: PLC0415 - programs with recipes of their own need none of it

        checked = self._opened.check_name(name, reserved=MAIN)
        commands = parse_commands(additional_install_commands, current_platform(), "additional_install_commands")
        path = Path(config_path).expanduser().absolute()
        if self._workshop.tool() == "pixi" and wishes == Wishes():  # what pixi reads itself, nobody else can check
            native = native_config(
                path,
                name=checked,
                optional=optional_dependencies,
                commands=commands,
                install_project=project[0],
                project_path=project[1],
                project_editable=project[2],
            )
            if native is not None:
                return self._making(checked, native, path.parent, replace=replace, locked=None)
        here = current_platform()
        specs = self._read_config(
            path, name=checked, optional=optional_dependencies, platforms=[here], commands=commands, project=project
        )
        spec, locked = wishes.apply(specs[here], checked)
        return self._making(checked, spec, path.parent, replace=replace, locked=locked)

    def _making(
        self, name: str, spec: Spec, base: Path, *, replace: bool, locked: LockedPlatform | None
    ) -> Deed[Environment]:
        self._opened.refuse_foreign(name)

        def make(build: LoggedBuild) -> Environment:
            record = None if replace else reusable(self._store, name, spec, base, locked)
            if record is None:
                record = self._workshop.build(spec, base, build, replace=replace, locked=locked)
            return self._opened.open(record)

        return Deed("create", name, make)
