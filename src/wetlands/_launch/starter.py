"""Starts the workers of one environment, each by its index."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wetlands._launch.process import WorkerProcess
from wetlands._launch.spawn import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
    ) -> None:
        self._python = python
        self._variables = variables
        self._worker_env = worker_env
        self._session = session
        self._instance = instance
        self._who = who

    def start(self, index: int) -> WorkerProcess:
        """Start a worker; it says hello later.

        Raises:
            LaunchError: It cannot be started.
            Exception: Whatever ``worker_env`` raises.
        """
        own = {} if self._worker_env is None else self._worker_env(index)
        begin = partial(
            spawn,
            python=self._python,
            environment={**self._variables, **{str(name): str(value) for name, value in own.items()}},
            session=self._session,
            who=self._who,
        )
        return WorkerProcess.start(
            begin,
            context={
                "log_source": "execution",
                "env_name": self._who,
                "worker_index": index,
                "instance": self._instance,
            },
            who=self._who,
        )
