"""Changes environments on behalf of one manager: chooses who builds, watches, and can be told to stop."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wetlands._backends.choose import choose, tool_asked_for, toolbox_of
from wetlands._backends.existing import adopt
from wetlands._backends.recipe_variables import write_recipe_variables
from wetlands._store.install import install
from wetlands._store.progress import LoggedBuild
from wetlands._store.provision import Order, provision
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.choose import Choice, Manager
    from wetlands._backends.integrity.damage import Damage
    from wetlands._backends.locks.model import Lock, LockedPlatform
    from wetlands._backends.tools.found import FoundTool
    from wetlands._backends.tools.pins import Tool
    from wetlands._backends.tools.toolbox import Toolbox
    from wetlands._spec import Spec
    from wetlands._store.provision import Finish
    from wetlands._store.record import Record
    from wetlands._store.store import Store

    RunCommands = Callable[[Sequence[str], Path, BuildObserver], None]

    Display = Callable[[LoggedBuild], AbstractContextManager[object]]

__all__ = ["Workshop", "unseen"]


def unseen(_build: LoggedBuild) -> AbstractContextManager[object]:
    """Show nothing."""
    return nullcontext()


class Workshop:
    """Builds, installs into and deletes the environments of a store.

    Args:
        store: The environments.
        instance: What the log calls the instance.
        variables: Gives the environment variables that tools work with, proxies included.
        run_commands: Runs shell lines in a prefix.
        choose_backend: Chooses the backend for a spec.
        display: Shows a build to people while its context is open.

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
        display: Display = unseen,
    ) -> None:
        self.manager: Manager = "auto"
        self.conda_path: Path | None = None
        self._store = store
        self._instance = instance
        self._variables = variables
        self._run_commands = run_commands
        self._choose = choose_backend
        self._display = display
        self._changed = threading.Condition()
        self._watched: dict[LoggedBuild, int] = {}  # and the thread each runs in

    def choose(self, spec: Spec, base: Path, locked: LockedPlatform | None = None) -> Choice:
        """Choose the backend for a spec, or for what a lock says.

        Raises:
            ProvisioningError: The one that is asked for cannot build it.
        """
        options = {} if locked is None else {"locked": locked}
        return self._choose(
            spec,
            manager=self.manager,
            conda_path=self.conda_path,
            env=self._variables(),
            base=base,
            tools=self._store.layout.tools,
            **options,
        )

    def tool(self) -> Tool | None:
        """Return the tool that builds all environments here, or None when it is decided by recipe."""
        return tool_asked_for(self.manager, self.conda_path)

    def toolbox(self, tool: Tool) -> Toolbox:
        """Return where a tool comes from, for the environments here."""
        conda_path = self.conda_path if self.tool() == tool else None
        return toolbox_of(tool, env=self._variables(), conda_path=conda_path, tools=self._store.layout.tools)

    def obtain(self, tool: Tool) -> FoundTool:
        """Return the tool, downloading it if it must be.

        Raises:
            ProvisioningError: It cannot be had.
        """
        build = self.new_build(tool, "install")
        with self._watch(build):
            return self.toolbox(tool).obtain(build)

    def new_build(self, name: str, stage: Literal["create", "install"]) -> LoggedBuild:
        """Return what watches, and may stop, one of the builds below."""
        return LoggedBuild(name, stage, self._instance)

    def build(
        self,
        spec: Spec,
        base: Path,
        build: LoggedBuild,
        *,
        replace: bool,
        locked: LockedPlatform | None = None,
        undoes: str = "",
    ) -> Record:
        """Build an environment; see `provision.provision` and `provision.Order`."""
        name = build.name
        with self._watch(build):
            order = self._order(name, spec, base, locked, undoes)
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

    def install(self, spec: Spec, base: Path, build: LoggedBuild) -> list[str]:
        """Add packages to an environment of the store and return what the tools wrote; see `install.install`."""
        with self._watch(build):
            order = self._order(build.name, spec, base)
            install(self._store, order, build, finish=self._finish(spec))
            return build.lines

    def install_into(self, prefix: Path, spec: Spec, base: Path, build: LoggedBuild) -> list[str]:
        """Add packages to a prefix that somebody else made, and return what the tools wrote."""
        with self._watch(build):
            order = self._order(build.name, spec, base)
            order.backend.install(spec, prefix, build)
            self._finish(spec)(prefix, build)
            return build.lines

    def repair(self, name: str) -> list[Damage]:
        """Mend an environment of the store; see `repair.repair`."""
        # Not at the top: few programs need it.
        from wetlands._backends.integrity.repair import repair as mend  # noqa: PLC0415
        from wetlands._store.repair import repair  # noqa: PLC0415

        build = self.new_build(name, "install")
        with self._watch(build):

            def work(damage: Sequence[Damage], record: Record, prefix: Path) -> None:
                mend(damage, record.spec, prefix, build, env=self._variables(), base=Path(record.base))

            return repair(self._store, name, build, mend=work)

    def remove(self, name: str) -> None:
        """Delete an environment of the store; see `remove.remove`."""
        from wetlands._store.remove import remove  # noqa: PLC0415 - imports psutil, which few programs need for it

        build = self.new_build(name, "create")
        with self._watch(build, shown=False):
            remove(self._store, name, build)

    def cancel(self, timeout: float) -> bool:
        """Ask all that is under way to stop, and wait until nothing of it is left.

        Args:
            timeout: Seconds to wait at most. What this very thread has under way is not waited for.

        Returns:
            Whether nothing is left.
        """
        with self._changed:
            for build in self._watched:
                build.cancel()
            return self._changed.wait_for(lambda: not self._others(), timeout)

    def _others(self) -> list[LoggedBuild]:
        return [build for build, thread in self._watched.items() if thread != threading.get_ident()]

    def resolve(self, specs: Mapping[str, Spec], base: Path, build: LoggedBuild, *, conda: bool) -> Lock:
        """Return the packages of a recipe on several platforms, and build nothing; see `resolve.resolve`."""
        from wetlands._backends.locks.resolve import resolve  # noqa: PLC0415 - few programs make locks

        with self._watch(build):
            return resolve(specs, build, env=self._variables(), base=base, conda=conda)

    def describe(self, spec: Spec, prefix: Path, base: Path, build: LoggedBuild) -> Lock:
        """Return exactly what is installed in a prefix; see `describe.describe`."""
        from wetlands._backends.locks.describe import describe  # noqa: PLC0415 - as above

        with self._watch(build, shown=False):
            return describe(spec, prefix, build, env=self._variables(), base=base)

    def _order(
        self, name: str, spec: Spec, base: Path, locked: LockedPlatform | None = None, undoes: str = ""
    ) -> Order:
        choice = self.choose(spec, base, locked)
        return Order(name, spec, base, choice.backend, choice.reason, choice.describe, locked, undoes)

    def _finish(self, spec: Spec) -> Finish:
        def finish(prefix: Path, observer: BuildObserver) -> None:
            write_recipe_variables(adopt(prefix).path, spec.variables)
            self._run_commands(spec.commands, prefix, observer)

        return finish

    @contextmanager
    def _watch(self, build: LoggedBuild, *, shown: bool = True) -> Iterator[None]:
        with self._changed:
            self._watched[build] = threading.get_ident()
        try:
            with self._display(build) if shown else nullcontext():
                yield
        finally:
            with self._changed:
                del self._watched[build]
                self._changed.notify_all()
