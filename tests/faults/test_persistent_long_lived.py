"""A keeper and its worker serve one program after the other for days: nothing of the earlier ones stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from persistent import attached, said_pids
from pools import FUNCTIONS, eventually

if TYPE_CHECKING:
    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

PROGRAMS = 60


@pytest.mark.slow
def test_descriptors_threads_and_memory_stay_flat_over_many_programs(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.ones(1 << 20, "u1")
    environment.detach()
    note = instance.note
    processes = [psutil.Process(pid) for pid in (note.process.pid, *said_pids(note))]

    def comes_and_goes() -> None:
        program = attached(instance)
        assert (1 << 20) == program.execute(FUNCTIONS, "length", (array,))
        task = program.submit(FUNCTIONS, "echo", (array,))
        program.detach()
        assert task.status.is_finished()

    def held() -> list[tuple[int, int]]:
        return [(process.num_fds(), process.num_threads()) for process in processes]

    for _ in range(5):
        comes_and_goes()
    attached(instance).detach()
    eventually(lambda: held() == held(), "it settles")
    before, memory = held(), [process.memory_info().rss for process in processes]
    ours = threading.active_count()
    for _ in range(PROGRAMS):
        comes_and_goes()
    attached(instance).detach()

    eventually(
        lambda: [max(now) <= max(then) + 2 for now, then in zip(held(), before, strict=True)] == [True, True], "flat"
    )
    grown = [process.memory_info().rss - then for process, then in zip(processes, memory, strict=True)]
    assert all(more < 5_000_000 for more in grown), grown
    eventually(lambda: threading.active_count() <= ours + 2, "the threads of this program end")
