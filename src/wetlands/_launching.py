"""An environment of its own: its workers, from launch to exit."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from wetlands._debug.endpoint import debug_variables, listening
from wetlands._launch.captured import variables_after
from wetlands._launch.starter import Starter
from wetlands._launch.threads import thread_limits
from wetlands._modules.naming import encoded, named
from wetlands._modules.target import resolve
from wetlands._packages import PackageVerbs
from wetlands._platform.names import current_platform
from wetlands._pool.initializer import Initializer
from wetlands._pool.limits import checked_initializer, checked_modules, checked_timeout
from wetlands._pool.policy import Policy
from wetlands._pool.pool import Pool
from wetlands._pool.stacks import all_stacks
from wetlands._spec import parse_commands
from wetlands._tasks.life import session
from wetlands.exceptions import NotLaunchedError
from wetlands.logger import logger
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.prefix import Prefix
    from wetlands._spec import Commands
    from wetlands._store.debuggers import DebugEndpoint
    from wetlands.environment_manager import EnvironmentManager

__all__ = ["Launching"]


class Launching(PackageVerbs):
    """The verbs that start, look into and stop the workers of an environment.

    Attributes:
        prefix: Where the environment lies, and what its interpreter is.
        generation: Which build of it that is; None for one that somebody else made.
    """

    def __init__(
        self, name: str, prefix: Prefix, environment_manager: EnvironmentManager, generation: str | None = None
    ) -> None:
        super().__init__(name, prefix.path, environment_manager)
        self.prefix = prefix
        self.generation = generation
        self._pool: Pool | None = None
        self._launching = threading.Lock()
        self._in_use = ExitStack()  # what keeps others from removing the files while workers run

    def launch(  # noqa: PLR0913 - see Environment
        self,
        additional_activate_commands: Commands = {},  # noqa: B006 - see Environment
        *,
        max_workers: int = 1,
        worker_env: Callable[[int], Mapping[str, str]] | None = None,
        worker_timeout: float | None = None,
        min_workers: int | None = None,
        idle_timeout: float | None = None,
        initializer: tuple[str | Path, str, Sequence[object]] | None = None,
        max_tasks_per_worker: int | None = None,
        max_memory: int | str | None = None,
        on_error: Literal["raise", "hold"] = "raise",
        hold_timeout: float = 600.0,
        preload: Sequence[str] = (),
    ) -> None:
        policy = Policy.checked(max_workers, min_workers, idle_timeout, max_tasks_per_worker, max_memory)
        modules = checked_modules("preload", preload)
        prepare = None if initializer is None else self._initializer(*checked_initializer(initializer))
        silence = checked_timeout("worker_timeout", worker_timeout)
        commands = parse_commands(additional_activate_commands, current_platform(), "additional_activate_commands")
        debugging = debug_variables(on_error, hold_timeout, listen=self.environment_manager.debug)
        with self._launching:  # held while starting: a second caller waits for the same workers
            if self.launched():
                return
            broken, self._pool = self._pool, None
            if broken is not None:
                with self._in_use:
                    broken.close()
            with ExitStack() as undo:
                prefix = self._kept_prefix(undo)
                starter = self._starter(prefix, commands, policy, worker_env=worker_env, debugging=debugging)
                undo.callback(starter.close)
                if modules:
                    starter.preload(modules)
                pool = Pool(
                    self.name,
                    policy,
                    silence=silence,
                    initializer=prepare,
                    start=starter.start,
                    guardian=starter.guardian,
                )
                pool.launch()
                self._pool = pool
                self._in_use = undo.pop_all()
        self._log("Launched %d worker(s) of %s", policy.least, prefix.python)
        if self.environment_manager.debug:
            self.debug()

    def launched(self) -> bool:
        return self._pool is not None and self._pool.broken is None

    @property
    def worker_count(self) -> int:
        return self._pool.count if self._pool is not None and self.launched() else 0

    def exit(self) -> None:
        with self._launching:
            pool, self._pool = self._pool, None
            if pool is None:
                return
            with self._in_use:
                pool.close()
        self._log("Exited")

    def _kept_prefix(self, undo: ExitStack) -> Prefix:
        """The prefix to start workers of, which nobody removes until `undo` is closed."""
        while True:
            mark = self.environment_manager.mark_in_use(self)
            prefix = self.prefix
            if mark is None:
                return prefix
            if mark.generation is None or mark.generation in prefix.path.parts:
                undo.callback(mark.release)
                return prefix
            mark.release()  # it was replaced in between

    def _starter(
        self,
        prefix: Prefix,
        commands: tuple[str, ...],
        policy: Policy,
        *,
        worker_env: Callable[[int], Mapping[str, str]] | None,
        debugging: Mapping[str, str],
    ) -> Starter:
        variables = self.environment_manager.child_environment(prefix)
        if commands:
            variables = variables_after(commands, variables, prefix.python, self.name)
        variables = {**variables, **thread_limits(policy.most, variables), **debugging}
        instance = self.environment_manager.log_instance
        return Starter(prefix.python, variables, worker_env, session=session(), instance=instance, who=self.name)

    def _initializer(self, module: str | Path, function: str, args: Sequence[object]) -> Initializer:
        head, label = named(resolve(module), function)
        return Initializer(self.name, encoded(messages.CALL, head, label, (tuple(args), {}), None))

    def stacks(self) -> dict[int, str]:
        return all_stacks(self._running_pool().workers)

    def debug(self) -> list[DebugEndpoint]:
        endpoints = listening(self._running_pool().workers)
        self.environment_manager.note_debuggers(endpoints)
        for endpoint in endpoints:
            self._log("%s", endpoint)
        return endpoints

    def _running_pool(self) -> Pool:
        pool = self._pool
        if pool is None:
            message = f"Environment {self.name!r} is not launched; call launch() first"
            raise NotLaunchedError(message)
        if pool.broken is not None:
            message = f"Environment {self.name!r} has no working workers ({pool.broken}); call launch() to try again"
            raise NotLaunchedError(message)
        return pool

    def _log(self, message: str, *args: object) -> None:
        instance = self.environment_manager.log_instance
        logger.log_environment(logging.INFO, message, *args, env_name=self.name, stage="launch", instance=instance)

    def _switch(self, prefix: Prefix, generation: str | None) -> None:
        """Use another build from the next launch on."""
        self.prefix = prefix
        self.path = prefix.path
        self.generation = generation
