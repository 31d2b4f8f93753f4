"""What a program answers to those who look at its workers; the table is in `wetlands_worker.looking`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from wetlands._pool.stacks import all_stacks
from wetlands.exceptions import NotLaunchedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._pool.call import Call
    from wetlands._pool.pool import Pool
    from wetlands._pool.worker import Worker
    from wetlands._store.debuggers import DebugEndpoint

__all__ = ["Answers", "Watched"]

_LONGEST_TEXT = 500


class Watched(Protocol):
    """An environment, as far as its workers can be looked at.

    Attributes:
        name: Its name.
    """

    name: str

    @property
    def running_pool(self) -> Pool | None:
        """Its workers, or None."""

    def debug(self) -> list[DebugEndpoint]:
        """Have all of them listen for a debugger."""

    def exit(self) -> None:
        """Stop all of them."""


class Answers:
    """Answers questions about the workers of some environments.

    Args:
        environments: Gives those that there are at the moment.
    """

    def __init__(self, environments: Callable[[], Sequence[Watched]]) -> None:
        self._environments = environments

    def __call__(self, question: dict[str, Any]) -> dict[str, object]:  # Any: JSON
        """Answer one question.

        Raises:
            ValueError: It is not known here.
            WetlandsError: It cannot be done.
        """
        match question:
            case {"ask": "workers"}:
                return {"environments": [_seen(environment.name, pool) for environment, pool in self._running()]}
            case {"ask": "stacks", "environment": str(name)}:
                workers = [
                    worker for worker in self._pool(name)[1].workers if question.get("worker") in {None, worker.index}
                ]
                return {"stacks": {str(index): text for index, text in all_stacks(workers).items()}}
            case {"ask": "debug", "environment": str(name)}:
                return {"endpoints": [asdict(endpoint) for endpoint in self._pool(name)[0].debug()]}
            case {"ask": "kill", "environment": str(name)}:
                environment, pool = self._pool(name)
                pids = [worker.process.pid for worker in pool.workers]
                environment.exit()
                return {"killed": pids}
            case _:
                raise ValueError(f"This version of wetlands does not know the question {question}.")

    def _running(self) -> list[tuple[Watched, Pool]]:
        pools = [(environment, environment.running_pool) for environment in self._environments()]
        return [(environment, pool) for environment, pool in pools if pool is not None]

    def _pool(self, name: str) -> tuple[Watched, Pool]:
        for environment, pool in self._running():
            if environment.name == name:
                return environment, pool
        raise NotLaunchedError(f"Environment {name!r} has no workers here.")


def _seen(name: str, pool: Pool) -> dict[str, object]:
    glance = pool.glance()
    return {
        "environment": name,
        "queued": glance.queued,
        "starting": glance.starting,
        "workers": [_worker(worker, call) for worker, call in glance.workers],
    }


def _worker(worker: Worker, call: Call | None) -> dict[str, object]:
    seen: dict[str, object] = {"index": worker.index, "pid": worker.process.pid}
    if call is None:
        return {**seen, "state": "idle"}
    seconds, progress = call.seconds, call.progress
    return {
        **seen,
        "state": "busy",
        "target": call.work.call_target,
        "task": call.task_id,
        "since": None if seconds is None else time.time() - seconds,
        "message": None if progress.message is None else str(progress.message)[:_LONGEST_TEXT],
        "current": progress.current,
        "maximum": progress.maximum,
    }
