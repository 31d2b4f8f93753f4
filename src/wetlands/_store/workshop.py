"""Changes environments on behalf of one manager: chooses who builds, watches, and can be told to stop."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.choose import choose
from wetlands._backends.recipe_variables import write_recipe_variables
from wetlands._store.install import install
from wetlands._store.progress import LoggedBuild
from wetlands._store.provision import Order, provision
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.choose import Choice, Manager
    from wetlands._backends.integrity.damage import Damage
    from wetlands._spec import Spec
    from wetlands._store.provision import Finish
    from wetlands._store.record import Record
    from wetlands._store.store import Store

    RunCommands = Callable[[Sequence[str], Path, BuildObserver], None]

__all__ = ["Workshop"]


class Workshop:
    """Builds, installs into and deletes the environments of a store.

    Args:
        store: The environments.
        instance: What the log calls the instance.
        variables: Gives the environment variables that tools work with, proxies included.
        run_commands: Runs shell lines in a prefix.
        choose_backend: Chooses the backend for a spec.

    Attributes:
        manager: The backend the user asked for, or ``"auto"``.
        conda_path: The pixi or micromamba the user asked for.
    """

    def __init__(
        self,
        store: Store,
        *,
        instance: str,
        variables: Callable[[], Mapping[str, str]],
        run_commands: RunCommands,
        choose_backend: Callable[..., Choice] = choose,
    ) -> None:
        self.manager: Manager = "auto"
        self.conda_path: Path | None = None
        self._store = store
        self._instance = instance
        self._variables = variables
        self._run_commands = run_commands
        self._choose = choose_backend
        self._guard = threading.Lock()
        self._watched: set[LoggedBuild] = set()

    def choose(self, spec: Spec, base: Path) -> Choice:
        """Choose the backend for a spec.

        Raises:
            ProvisioningError: The one that is asked for or needed is not in this version.
        """
        return self._choose(spec, manager=self.manager, conda_path=self.conda_path, env=self._variables(), base=base)

    def build(self, name: str, spec: Spec, base: Path, *, replace: bool) -> Record:
        """Build an environment; see `provision.provision`."""
        order = self._order(name, spec, base)
        with self._watch(name, "create") as build:
            logger.log_environment(
                logging.INFO,
                "Building with %s: %s.",
                order.backend.name,
                order.reason,
                env_name=name,
                stage="create",
                instance=self._instance,
            )
            return provision(self._store, order, build, replace=replace, finish=self._finish(spec))

    def install(self, name: str, spec: Spec, base: Path) -> list[str]:
        """Add packages to an environment of the store and return what the tools wrote; see `install.install`."""
        order = self._order(name, spec, base)
        with self._watch(name, "install") as build:
            install(self._store, order, build, finish=self._finish(spec))
            return build.lines

    def install_into(self, name: str, prefix: Path, spec: Spec, base: Path) -> list[str]:
        """Add packages to a prefix that somebody else made, and return what the tools wrote."""
        order = self._order(name, spec, base)
        with self._watch(name, "install") as build:
            order.backend.install(spec, prefix, build)
            self._finish(spec)(prefix, build)
            return build.lines

    def repair(self, name: str) -> list[Damage]:
        """Mend an environment of the store; see `repair.repair`."""
        # Not at the top: few programs need it.
        from wetlands._backends.integrity.repair import repair as mend  # noqa: PLC0415
        from wetlands._store.repair import repair  # noqa: PLC0415

        with self._watch(name, "install") as build:

            def work(damage: Sequence[Damage], record: Record, prefix: Path) -> None:
                mend(damage, record.spec, prefix, build, env=self._variables(), base=Path(record.base))

            return repair(self._store, name, build, mend=work)

    def remove(self, name: str) -> None:
        """Delete an environment of the store; see `remove.remove`."""
        from wetlands._store.remove import remove  # noqa: PLC0415 - imports psutil, which few programs need for it

        with self._watch(name, "create") as build:
            remove(self._store, name, build)

    def cancel(self) -> None:
        """Ask all that is under way in other threads to stop."""
        with self._guard:
            watched = tuple(self._watched)
        for build in watched:
            build.cancel()

    def _order(self, name: str, spec: Spec, base: Path) -> Order:
        choice = self.choose(spec, base)
        return Order(name, spec, base, choice.backend, choice.reason)

    def _finish(self, spec: Spec) -> Finish:
        def finish(prefix: Path, observer: BuildObserver) -> None:
            write_recipe_variables(prefix, spec.variables)
            self._run_commands(spec.commands, prefix, observer)

        return finish

    @contextmanager
    def _watch(self, name: str, stage: str) -> Iterator[LoggedBuild]:
        build = LoggedBuild(name, stage, self._instance)
        with self._guard:
            self._watched.add(build)
        try:
            yield build
        finally:
            with self._guard:
                self._watched.discard(build)
