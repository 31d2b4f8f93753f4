"""The host, a worker, or both are killed at each step of a transfer: no process has their memory any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import pools
from pools import an_environment, eventually, is_running, pids, pool_of
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at /proc")

MODULE = Path(__file__).with_name("array_functions.py")
SIZE = 1 << 20

STEPS_OF_WORKERS = {
    "the argument arrives": "lease",
    "the result is copied": "_staged",
    "the memory of another worker is mapped": "adopt",
}
STEPS_OF_HOSTS = {
    "the argument is copied": "wetlands_worker.exchange:Exchange.stage",
    "the result arrives": "wetlands_worker.exchange:Exchange.lease",
    "the result is kept": "wetlands._pool.call:keep",
    "the memory is passed to another worker": "wetlands_worker.frames:Connection.send_descriptor",
    "leases come back": "wetlands_worker.exchange:Exchange.take_back",
}

HOST = """
import importlib, os, signal, sys
sys.path[:0] = [{tests!r}, {source!r}]
import numpy as np
from pools import an_environment, pids, pool_of

with an_environment(name="first", max_workers=2) as first, an_environment(name="second") as second:
    workers = [*pids(first), *pids(second)]
    array = np.ones({size})
    held = first.execute({module!r}, "echo", (array,))
    exchanges = [worker.process.call.exchange for pool in map(pool_of, (first, second)) for worker in pool.workers]
    print(*workers, flush=True)
    print(*[os.fstat(exchange.segment.descriptor).st_ino for exchange in exchanges], flush=True)
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


def holders(inodes: set[int]) -> set[int]:
    """The processes that have one of these files open or mapped."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            maps = (folder / "maps").read_text("utf-8", "replace").splitlines()
            mapped = {int(line.split()[4]) for line in maps if "memfd:wetlands" in line}
            links = [link for link in (folder / "fd").iterdir() if "memfd:wetlands" in os.readlink(link)]  # noqa: PTH115 - pathlib would follow it
            opened = {link.stat().st_ino for link in links}
        except OSError:  # it has just ended, or is not ours
            continue
        if inodes & (mapped | opened):
            found.add(int(folder.name))
    return found


def named() -> set[str]:
    return {path.name for path in Path("/dev/shm").iterdir() if "wetlands" in path.name}


@pytest.mark.parametrize("step", STEPS_OF_HOSTS)
@pytest.mark.parametrize("both", [0, 1], ids=["host", "both"])
def test_a_host_that_is_killed_while(step: str, both: int) -> None:
    tests = Path(pools.__file__).parent
    words = {"tests": str(tests), "source": str(tests.parent / "src"), "module": str(MODULE), "size": SIZE}
    program = HOST.format(**words, step=STEPS_OF_HOSTS[step], both=both)
    before = named()
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
    assert before == named()


@pytest.mark.parametrize("step", STEPS_OF_WORKERS)
def test_a_worker_that_is_killed_while(step: str) -> None:
    before = named()
    with an_environment(name="first") as first, an_environment(name="second", max_workers=2) as second:
        ref = first.execute(MODULE, "ones", (SIZE,), keep=True)
        others = [second.submit(MODULE, "echo", (np.full(SIZE, number),)) for number in range(4)]
        for other in others:
            other.wait_for(pools.DEADLINE)
        victim = cast("int", second.execute(MODULE, "dies_when", (STEPS_OF_WORKERS[step],)))
        inode = inode_of(second, victim)
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
        eventually(lambda: not holders({inode}), "its memory goes with the last array on it")
        del ref
    assert before == named()


def transfer(environment: ExternalEnvironment, value: object) -> None:
    """There and back; a worker that dies fails its call, unless it had not begun, which then runs elsewhere."""
    task = environment.submit(MODULE, "echo", (value,)).wait_for(pools.DEADLINE)
    assert task.error is None or TaskFailureCategory.WORKER_DIED is task.error.category


def inode_of(environment: ExternalEnvironment, pid: int) -> int:
    """Which file that worker shares with this process."""
    worker = next(it for it in pool_of(environment).workers if it.process.pid == pid)
    exchange = worker.process.call.exchange
    assert exchange is not None
    return os.fstat(exchange.segment.descriptor).st_ino
