"""The host, a worker, or both are killed at each step of a transfer: no process has their memory any more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import pools
from elsewhere import SYSTEMS, become, holders, inode, left_in
from pools import an_environment, eventually, is_running, pids, pool_of
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment
    from wetlands_worker.segments import Segment

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at /proc")

MODULE = Path(__file__).with_name("array_functions.py")
SIZE = 1 << 20
MEMORY = Path("/dev/shm")

STEPS_OF_WORKERS = {
    "the argument arrives": "lease",
    "the result is copied": "_staged",
    "the memory of another worker is mapped": "adopt",
}
STEPS_OF_HOSTS = {
    "the argument is copied": "wetlands_worker.exchange:Exchange.stage",
    "the result arrives": "wetlands_worker.exchange:Exchange.lease",
    "the result is kept": "wetlands._pool.call:keep",
    "the memory is passed to another worker": "wetlands._launch.introductions:Introductions._give",
    "leases come back": "wetlands_worker.exchange:Exchange.take_back",
}

HOST = """
import importlib, os, pathlib, signal, sys
sys.path[:0] = [{tests!r}, {source!r}]
import numpy as np
import pytest
from elsewhere import become, inode
from pools import an_environment, pids, pool_of
folder = pathlib.Path({folder!r})
become({system!r}, folder, pytest.MonkeyPatch())

with an_environment(name="first", max_workers=2) as first, an_environment(name="second") as second:
    workers = [*pids(first), *pids(second)]
    array = np.ones({size})
    held = first.execute({module!r}, "echo", (array,))
    exchanges = [worker.process.call.exchange for pool in map(pool_of, (first, second)) for worker in pool.workers]
    print(*workers, flush=True)
    print(*[inode(exchange.segment, folder) for exchange in exchanges], flush=True)
    module, path = {step!r}.split(":")
    owner = importlib.import_module(module)
    *way, name = path.split(".")
    for part in way:
        owner = getattr(owner, part)
    before = getattr(owner, name)

    def dies(*args, **kwargs):
        before(*args, **kwargs)
        for pid in workers * {both!r}:
            os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dies)
    while True:
        tasks = [first.submit({module!r}, "echo", (array,)) for _ in range(4)]
        with first.execute({module!r}, "ones", ({size},), keep=True) as ref:
            second.execute({module!r}, "total", (ref,))
        for task in tasks:
            task.wait_for(20)
"""


@pytest.fixture(autouse=True, params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test is run with shared memory as each system has it."""
    (tmp_path / "system").mkdir()
    become(request.param, tmp_path / "system", monkeypatch)
    return cast("str", request.param)


@pytest.mark.parametrize("step", STEPS_OF_HOSTS)
@pytest.mark.parametrize("both", [0, 1], ids=["host", "both"])
def test_a_host_that_is_killed_while(step: str, both: int, system: str, tmp_path: Path) -> None:
    tests = Path(pools.__file__).parent
    words = {"tests": str(tests), "source": str(tests.parent / "src"), "module": str(MODULE), "size": SIZE}
    folder = str(tmp_path / "system")
    program = HOST.format(**words, system=system, folder=folder, step=STEPS_OF_HOSTS[step], both=both)
    before = left_in(MEMORY)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        workers = [int(word) for word in host.stdout.readline().split()]
        inodes = {int(word) for word in host.stdout.readline().split()}
        try:
            assert -signal.SIGKILL == host.wait(pools.DEADLINE)
        finally:
            host.kill()
    eventually(lambda: not any(map(is_running, workers)), "the workers leave")
    eventually(lambda: not holders(inodes), "nobody has the memory")

    assert (3, 3) == (len(workers), len(inodes))
    assert before == left_in(MEMORY)


@pytest.mark.parametrize("step", STEPS_OF_WORKERS)
def test_a_worker_that_is_killed_while(step: str, tmp_path: Path) -> None:
    before = left_in(MEMORY)
    with an_environment(name="first") as first, an_environment(name="second", max_workers=2) as second:
        ref = first.execute(MODULE, "ones", (SIZE,), keep=True)
        others = [second.submit(MODULE, "echo", (np.full(SIZE, number),)) for number in range(4)]
        for other in others:
            other.wait_for(pools.DEADLINE)
        victim = cast("int", second.execute(MODULE, "dies_when", (STEPS_OF_WORKERS[step],)))
        file = inode(segment_of(second, victim), tmp_path / "system")
        for _ in range(20):  # until a call comes to that worker
            transfer(second, {"new": np.ones(SIZE), "kept": ref})
            if not is_running(victim):
                break
        assert not is_running(victim)

        eventually(lambda: len(pids(second)) == 2, "another worker takes its place")
        assert SIZE == second.execute(MODULE, "total", (ref,))
        assert SIZE == cast("Anything", ref.get()).sum()
        for number, other in enumerate(others):
            assert number * SIZE == cast("Anything", other.result).sum()
        del other, others
        eventually(lambda: not holders({file}), "its memory goes with the last array on it")
        del ref
    assert before == left_in(MEMORY)


def transfer(environment: ExternalEnvironment, value: object) -> None:
    """There and back; a worker that dies fails its call, unless it had not begun, which then runs elsewhere."""
    task = environment.submit(MODULE, "echo", (value,)).wait_for(pools.DEADLINE)
    assert task.error is None or TaskFailureCategory.WORKER_DIED is task.error.category


def segment_of(environment: ExternalEnvironment, pid: int) -> Segment:
    """The memory that that worker shares with this process."""
    worker = next(it for it in pool_of(environment).workers if it.process.pid == pid)
    exchange = worker.process.call.exchange
    assert exchange is not None
    return exchange.segment
