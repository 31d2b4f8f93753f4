"""An environment of its own: its workers, from launch to exit."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
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
from wetlands._pool.limits import (
    KEEP_SECONDS,
    check_persistent,
    checked_initializer,
    checked_modules,
    checked_timeout,
)
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

    from wetlands._backends.prefix import Prefix
    from wetlands._launch.keeper import Keeper, Plan
    from wetlands._launch.persistent import PersistentStarter
    from wetlands._plain.decoding import Accept
    from wetlands._spec import Commands
    from wetlands._store.debuggers import DebugEndpoint
    from wetlands._store.parties import Party
    from wetlands.environment_manager import EnvironmentManager
    from wetlands.task import Task

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
        self._stays: PersistentStarter | None = None  # what the persistent workers came from
        self._past: list[Task[object]] = []

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
        persistent: bool | Literal["tcp"] = False,
        keep_results: float = KEEP_SECONDS,
        accept: Accept | None = None,
    ) -> None:
        limits = max_workers, min_workers, idle_timeout, max_tasks_per_worker, max_memory
        policy = Policy.checked(*limits, stays=persistent, accept=self._accepted(accept))
        modules = checked_modules("preload", preload)
        check_persistent(persistent, keep_results, modules)
        prepare = None if initializer is None else self._initializer(*checked_initializer(initializer), policy.accept)
        silence = checked_timeout("worker_timeout", worker_timeout)
        commands = parse_commands(additional_activate_commands, current_platform(), "additional_activate_commands")
        debugging = debug_variables(on_error, hold_timeout, listen=self.environment_manager.debug)
        with self._launching:  # held while starting: a second caller waits for the same workers
            if self.launched():
                return
            self._drop_broken()
            with ExitStack() as undo:
                prefix = self._kept_prefix(undo)
                variables = self._variables(prefix, commands, policy, debugging)
                pool = partial(Pool, self.name, policy, silence=silence, initializer=prepare)
                if persistent:
                    from wetlands._pool.plan import planned  # noqa: PLC0415 - most programs have none

                    plan = planned(prefix.python, variables, worker_env, policy, silence, prepare)
                    self._launch_persistent(plan, pool, undo, tcp=persistent == "tcp", keep_seconds=keep_results)
                else:
                    self._launch_own(self._starter(prefix, variables, worker_env), pool, undo, modules)
        self._log("Launched %d worker(s) of %s", policy.least, prefix.python)
        if self.environment_manager.debug:
            self.debug()

    def _accepted(self, accept: Accept | None) -> Accept:
        return self.environment_manager.accept if accept is None else accept

    def _drop_broken(self) -> None:
        broken, self._pool = self._pool, None
        if broken is not None:
            with self._in_use:
                broken.close()

    def _launch_own(self, starter: Starter, pool: Callable[..., Pool], undo: ExitStack, modules: Sequence[str]) -> None:
        undo.callback(starter.close)
        if modules:
            starter.preload(modules)
        launched = pool(start=starter.start, guardian=starter.guardian)
        launched.launch()
        self._use(launched, undo)

    def _use(self, pool: Pool, undo: ExitStack) -> None:
        """Run calls in a pool that was launched, until `exit`, which then calls what is in `undo`."""
        self._pool = pool
        self._in_use = undo.pop_all()
        self.environment_manager.show_workers()

    def launched(self) -> bool:
        return self._pool is not None and self._pool.broken is None

    @property
    def worker_count(self) -> int:
        return self._pool.count if self._pool is not None and self.launched() else 0

    @property
    def running_pool(self) -> Pool | None:
        """The workers that run, for those who look at them from outside."""
        return self._pool if self.launched() else None

    def exit(self) -> None:
        with self._launching:
            pool, self._pool = self._pool, None
            self._stays = None
            if pool is None:
                return
            with self._in_use:
                pool.close()
        self._log("Exited")

    def detach(self) -> None:
        with self._launching:
            if self._stays is not None and self._pool is not None:
                pool, self._pool = self._pool, None
                self._stays.stays, self._stays = True, None
                with self._in_use:
                    pool.detach()
                self._log("Detached; the workers stay")
                return
        self.exit()

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

    def _variables(
        self, prefix: Prefix, commands: tuple[str, ...], policy: Policy, debugging: Mapping[str, str]
    ) -> dict[str, str]:
        variables = self.environment_manager.child_environment(prefix)
        if commands:
            variables = variables_after(commands, variables, prefix.python, self.name)
        return {**variables, **thread_limits(policy.most, variables), **debugging}

    def _starter(
        self, prefix: Prefix, variables: Mapping[str, str], worker_env: Callable[[int], Mapping[str, str]] | None
    ) -> Starter:
        instance = self.environment_manager.log_instance
        return Starter(prefix.python, variables, worker_env, session=session(), instance=instance, who=self.name)

    def _initializer(self, module: str | Path, function: str, args: Sequence[object], accept: Accept) -> Initializer:
        head, label = named(resolve(module), function)
        return Initializer(self.name, encoded(messages.CALL, head, label, (tuple(args), {}), None), accept)

    # ------------------------------------------- workers that outlive the program

    def pending_results(self) -> list[Task[object]]:
        past, self._past = self._past, []
        return past

    def _attach(self, timeout: float, *, any_generation: bool = False) -> None:
        """Take the persistent workers that are there; see `EnvironmentManager.attach`.

        Args:
            timeout: Seconds to wait for them at most.
            any_generation: Whether they may run another build than the current one.

        Raises:
            AttachError: There are none, or they cannot be had.
        """
        with self._launching:
            if self.launched():
                return
            self._drop_broken()
            persistence = self.environment_manager.persistence
            with persistence.finding(self.name, None if any_generation else self.generation) as keeper:
                self._take(keeper, timeout)
        self._log(
            "Attached to the persistent workers: %s",
            ", ".join(str(worker.process.pid) for worker in self._running_pool().workers),
        )
        if self._past:
            self._log("They have kept %d result(s), see pending_results()", len(self._past))
        if self.environment_manager.debug:
            self.debug()

    def _take(self, note: Party, timeout: float) -> None:
        from wetlands._modules.undelivered import past_tasks  # noqa: PLC0415 - see _attach
        from wetlands._pool.plan import pool_of_plan  # noqa: PLC0415 - see _attach

        deadline = time.monotonic() + timeout
        with ExitStack() as undo:
            self._kept_prefix(undo)
            keeper = self.environment_manager.persistence.claim(note, timeout)
            undo.callback(keeper.release)
            starter = self._persistent_starter(keeper, deadline=deadline, undo=undo)
            starter.stays = True  # should we fail
            pool = pool_of_plan(self.name, starter, self.environment_manager.accept)
            pool.launch()
            undo.callback(pool.detach)
            self._past += past_tasks(pool.workers)
            starter.take_over()  # from here on the workers do not have what they kept
            self._use(pool, undo)
            starter.stays, self._stays = False, starter

    def _launch_persistent(
        self, plan: Plan, pool: Callable[..., Pool], undo: ExitStack, *, tcp: bool, keep_seconds: float
    ) -> None:
        persistence, generation = self.environment_manager.persistence, self.generation
        with persistence.launching(self.name):  # nobody else has any, and launches some meanwhile
            python = Path(plan["python"])
            keeper = persistence.start(
                self.name, python, plan["variables"], generation=generation, keep_seconds=keep_seconds, tcp=tcp
            )
            undo.callback(keeper.release)
            starter = self._persistent_starter(keeper, plan, undo=undo)
            self.environment_manager.mark_in_use(self, keeper.pid)
            launched = pool(start=starter.start, guardian=starter.guardian)
            launched.launch()
            undo.callback(launched.close)
            starter.ready()
            self._use(launched, undo)
            self._stays = starter

    def _persistent_starter(
        self, keeper: Keeper, plan: Plan | None = None, *, undo: ExitStack, deadline: float | None = None
    ) -> PersistentStarter:
        from wetlands._launch.persistent import PersistentStarter  # noqa: PLC0415 - see _attach

        instance = self.environment_manager.log_instance
        starter = PersistentStarter(
            keeper, plan, session=session(), instance=instance, who=self.name, deadline=deadline
        )
        undo.callback(starter.close)
        return starter

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
