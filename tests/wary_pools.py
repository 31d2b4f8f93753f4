"""Pools that take plain values only, and what their workers may not have called."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fake_workers import a_pool, blocking
from pools import DEADLINE, in_thread
from wetlands._pool.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_workers import FakeWorker, Workers
    from wetlands._pool.call import BlockingCall
    from wetlands._pool.pool import Pool
    from wetlands.task import Task, TaskFailureCategory

RAN: list[str] = []


def run(what: str) -> str:
    """What no worker may have called."""
    RAN.append(what)
    return what


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return run, ("it",)


EVIL = pickle.dumps([1, Evil()], 5)
BOMB = range(1 << 60)


@contextmanager
def a_wary_pool(size: int = 1) -> Iterator[tuple[Pool, Workers]]:
    RAN.clear()
    with a_pool(policy=Policy(size, size, accept="plain")) as (pool, workers):
        yield pool, workers
    assert [] == RAN


def the_pool_goes_on(pool: Pool, worker: FakeWorker) -> None:
    """A next call is answered by the same worker."""
    result = in_thread(lambda: ended(pool, blocking("next")))
    worker.echo()
    assert isinstance(result(), int)


def ended(pool: Pool, call: BlockingCall[object]) -> object:
    pool.run(call)
    return call.outcome()


def failure(task: Task[object]) -> tuple[TaskFailureCategory, str]:
    error = task.wait_for(DEADLINE).error
    assert error is not None, task
    return error.category, str(error)
