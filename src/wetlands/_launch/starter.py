"""Starts the workers of one environment, each by its index."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from wetlands._launch.guardian import Guardian
from wetlands._launch.process import WorkerProcess
from wetlands._launch.spawn import spawn
from wetlands._platform.system import CURRENT
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wetlands._launch.ends import Theirs
    from wetlands._launch.template import Template
    from wetlands._platform.child import Child
    from wetlands._platform.system import System

__all__ = ["Starter"]


class Starter:
    """Knows all that one worker of an environment needs, and what is the worker's own.

    Args:
        python: The interpreter of the environment.
        variables: The variables of all workers.
        worker_env: Gives those of one worker, by its index.
        session: What the ids of this host's tasks start with.
        instance: What the log records of the workers carry, so that they land in the files of the manager.
        who: The name of the environment.
        system: The family of the operating system.
    """

    def __init__(
        self,
        python: Path,
        variables: Mapping[str, str],
        worker_env: Callable[[int], Mapping[str, str]] | None,
        *,
        session: str,
        instance: str,
        who: str,
        system: System = CURRENT,
    ) -> None:
        self._python = python
        self._variables = variables
        self._worker_env = worker_env
        self._session = session
        self._instance = instance
        self._who = who
        self._system = system
        self._template: Template | None = None
        self._forks = False

    def guardian(self) -> Guardian:
        """Start the process that ends the workers, and what they are forked of, should this one be killed."""
        guardian = Guardian(self._python, self._variables)
        if self._template is not None:
            guardian.watch(self._template.pid)
        return guardian

    def preload(self, modules: Sequence[str]) -> None:
        """Import modules once, in a process of which the workers are forked from now on.

        Where that is not possible, the log says why, and workers are started as usual.

        Raises:
            LaunchError: A module cannot be imported.
        """
        if self._system == "windows":
            self._say("preload has no effect: this system cannot fork")
            return
        from wetlands._launch.template import Template  # noqa: PLC0415 - most launches need none

        template = Template(self._python, self._variables, who=self._who, context=self._context(None))
        reason = template.load(modules)
        self._template, self._forks = template, reason is None
        if reason is not None:
            self._say(
                f"preload has no effect: the process that imported {', '.join(modules)} cannot be forked, {reason}"
            )

    def start(self, index: int) -> WorkerProcess:
        """Start a worker; it says hello later.

        Raises:
            LaunchError: It cannot be started.
            Exception: Whatever ``worker_env`` raises.
        """
        own = {} if self._worker_env is None else self._worker_env(index)
        begin = partial(self._begin, {str(name): str(value) for name, value in own.items()})
        return WorkerProcess.start(begin, context=self._context(index), who=self._who)

    def close(self) -> None:
        """Let go of what was imported; the workers have ended."""
        if self._template is not None:
            self._template.close()

    def _begin(self, own: Mapping[str, str], theirs: Theirs) -> Child:
        if self._template is not None and self._forks:
            from wetlands._launch.template import NotForkableError  # noqa: PLC0415 - loaded by now

            try:
                return self._template.fork(theirs, own, self._session)
            except NotForkableError as error:
                self._forks = False
                self._say(f"Workers are not forked any more but started as usual: of the preloaded process, {error}")
        environment = {**self._variables, **own}
        return spawn(theirs, python=self._python, environment=environment, session=self._session, who=self._who)

    def _context(self, index: int | None) -> dict[str, object]:
        return {
            "log_source": "execution",
            "env_name": self._who,
            "worker_index": index,
            "instance": self._instance,
        }

    def _say(self, message: str) -> None:
        logger.log_execution(logging.WARNING, "%s", message, env_name=self._who)
