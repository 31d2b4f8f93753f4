"""The verbs about workers that outlive a program."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from wetlands._manager.keeping import Keeping
from wetlands._pool.limits import KEEP_SECONDS, checked_timeout
from wetlands.exceptions import AttachError
from wetlands.external_environment import ExternalEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._spec import Commands
    from wetlands.environment import Environment

__all__ = ["Attaching"]

_ATTACH_SECONDS = 5.0
_LEAST_SECONDS = 0.1


class Attaching(Keeping):
    """Finds persistent workers again, of whatever program has launched them."""

    environments: dict[str, ExternalEnvironment]

    def attach(self, name: str, *, attach_timeout: float = _ATTACH_SECONDS) -> Environment:
        """Take the persistent workers of an environment that run already.

        They are this program's alone from then on, until `detach`, `exit`, or its end. What they had finished for a
        program that is gone is in `Environment.pending_results`.

        Args:
            name: The name of the environment, as `create` and `load` take it.
            attach_timeout: Seconds to wait at most while another program has the workers, or one of them runs a call.

        Returns:
            The environment, launched.

        Raises:
            AttachError: There are no live workers; or they cannot be had, because another program has them, or one runs
                a call or does not answer. The error names their pids and their address, and how to stop them; they are
                left as they are.
            EnvironmentNotFoundError: There is no environment of that name.
            LaunchError: One that is missing of what was launched cannot be started.
        """
        timeout = _checked(attach_timeout)
        environment = self._environment(name)
        environment._attach(timeout)  # noqa: SLF001 - the manager is its other half
        return environment

    def launch_or_attach(  # noqa: PLR0913 - independent options of the user, each by its name
        self,
        environment: Environment | str,
        additional_activate_commands: Commands = {},  # noqa: B006 - the 1.x interface; it is never changed
        *,
        max_workers: int = 1,
        worker_env: Callable[[int], Mapping[str, str]] | None = None,
        worker_timeout: float | None = None,
        attach_timeout: float = _ATTACH_SECONDS,
        idle_timeout: float | None = None,
        persistent: Literal[True, "tcp"] = True,
        keep_results: float = KEEP_SECONDS,
    ) -> Environment:
        """Take the persistent workers of an environment, or launch some; there are never two sets of them.

        Workers that are taken are as they were launched: the options are for new ones. Those of an earlier build of the
        environment are ended, once they are idle, and replaced by new ones; their results are kept.

        Args:
            environment: The environment; or its name, for which workers are launched only if this manager has created
                or loaded it, and are taken otherwise, or not found.
            additional_activate_commands: See `Environment.launch`.
            max_workers: See `Environment.launch`.
            worker_env: See `Environment.launch`. Persistent workers keep what it gives now, for replacements too.
            worker_timeout: See `Environment.launch`.
            attach_timeout: See `attach`.
            idle_timeout: See `Environment.launch`.
            persistent: See `Environment.launch`.
            keep_results: See `Environment.launch`.

        Returns:
            The environment, launched.

        Raises:
            AttachError: There are live workers, and they cannot be had; or a name is given of an environment that this
                manager has not opened, and there are none.
            LaunchError: See `Environment.launch`.
        """
        timeout = _checked(attach_timeout)
        opened = self.environments.get(environment) if isinstance(environment, str) else environment
        if opened is None:
            return self.attach(str(environment), attach_timeout=timeout)
        target = _external(opened)
        if target.launched():
            return target
        launch = partial(
            target.launch,
            additional_activate_commands,
            max_workers=max_workers,
            worker_env=worker_env,
            worker_timeout=worker_timeout,
            idle_timeout=idle_timeout,
            persistent=persistent,
            keep_results=keep_results,
        )
        self._launched_or_attached(target, launch, time.monotonic() + timeout)
        return target

    def _launched_or_attached(self, target: ExternalEnvironment, launch: Callable[[], None], deadline: float) -> None:
        """Launch workers, or take those that are there, whatever other programs do meanwhile."""
        from wetlands._launch.persistence import AlreadyLaunchedError  # noqa: PLC0415 - most programs have none

        while not target.launched():
            late = time.monotonic() >= deadline
            keeper = self.persistence.find(target.name)
            try:
                if keeper is None:
                    launch()
                else:
                    stale = keeper.generation != target.generation
                    target._attach(max(_LEAST_SECONDS, deadline - time.monotonic()), any_generation=stale)  # noqa: SLF001 - see attach
                    if stale:
                        target.exit()
            except AlreadyLaunchedError:  # by another program, just now
                if late:
                    raise
            except AttachError:
                found = self.persistence.find(target.name)
                if late or (found is not None and keeper is not None and found.process == keeper.process):
                    raise

    def _environment(self, name: str) -> ExternalEnvironment:
        opened = self.environments.get(name)
        return _external(self.load(name) if opened is None else opened)


def _external(environment: Environment) -> ExternalEnvironment:
    if isinstance(environment, ExternalEnvironment):
        return environment
    raise AttachError(environment.name, "it runs in this very process, which has no workers")


def _checked(attach_timeout: object) -> float:
    timeout = checked_timeout("attach_timeout", attach_timeout)
    if timeout is None:
        raise ValueError("attach_timeout is a number of seconds above 0: nobody waits for ever")
    return timeout
