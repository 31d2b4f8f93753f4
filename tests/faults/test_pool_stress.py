"""Many tasks from many threads: none is lost, none waits for ever (lesson 1)."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING

import pytest

from pools import FUNCTIONS, an_environment

if TYPE_CHECKING:
    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

THREADS = 4


def submit_from_threads(environment: ExternalEnvironment, count: int) -> list[Task[object]]:
    """Submit tasks from several threads, each of which waits now and then for its own, as programs do."""
    tasks: list[list[Task[object]]] = [[] for _ in range(THREADS)]

    def submit(own: list[Task[object]], numbers: range) -> None:
        for number in numbers:
            own.append(environment.submit(FUNCTIONS, "echo", (number,)))
            if number % 100 == 0:
                own[-1].wait_for(60)

    threads = [
        threading.Thread(target=submit, args=(own, range(index, count, THREADS))) for index, own in enumerate(tasks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return [task for own in tasks for task in own]


def check_stress(count: int) -> None:
    with an_environment(max_workers=2) as environment:
        tasks = submit_from_threads(environment, count)
        _, unfinished = wait([task.future for task in tasks], 120)
        assert set() == unfinished
        assert list(range(count)) == sorted(task.result for task in tasks)  # type: ignore[type-var]  # all are numbers


def test_every_task_of_several_threads_ends_with_its_own_result() -> None:
    check_stress(3_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_thousand_tasks_of_four_threads_on_two_workers_all_end() -> None:
    check_stress(50_000)
