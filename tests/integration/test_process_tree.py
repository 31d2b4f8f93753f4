"""Killing a process reaches all it has started, also what it has left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from wetlands._platform.process import identify, is_alive, kill_tree, new_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands._platform.process import ProcessIdentity

# Starts a child that starts a grandchild, says their numbers, then waits or leaves.
FAMILY = """
import os, subprocess, sys, time
grandchild = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
child = "import os, subprocess, sys; print(os.getpid(), flush=True); subprocess.run(sys.argv[1:])"
subprocess.Popen([sys.executable, "-c", child, sys.executable, "-c", grandchild])
{then}
"""


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Iterator[tuple[ProcessIdentity, list[int]]]:
    """The root and the numbers of its child and grandchild; `request.param` is what the root does after that."""
    source = FAMILY.format(then=request.param)
    command = [sys.executable, "-c", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **new_group()) as root:
        identity = identify(root.pid)
        assert identity is not None
        assert root.stdout is not None
        try:
            yield identity, [int(root.stdout.readline()) for _ in range(2)]
        finally:
            kill_tree(identity)


@pytest.mark.parametrize("family", ["time.sleep(600)"], indirect=True)
def test_killing_a_process_kills_its_children_and_theirs(family: tuple[ProcessIdentity, list[int]]) -> None:
    root, descendants = family

    assert kill_tree(root)

    assert not is_alive(root)
    assert [] == [pid for pid in descendants if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


@pytest.mark.parametrize("family", ["os._exit(0)"], indirect=True)
def test_what_a_dead_process_left_behind_is_killed_too(family: tuple[ProcessIdentity, list[int]]) -> None:
    root, descendants = family
    psutil.wait_procs([psutil.Process(root.pid)] if is_alive(root) else [], timeout=30)

    assert kill_tree(root)

    assert [] == [pid for pid in descendants if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


HOARDER = """
from multiprocessing.shared_memory import SharedMemory
kept = SharedMemory(create=True, size=4096)
print(kept.name, flush=True)
import time
time.sleep(600)
"""
IDLE_CLEANER = "import time; print('ready', flush=True); time.sleep(600)  # multiprocessing.resource_tracker"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="named segments cannot be seen here")
def test_shared_memory_of_what_is_killed_is_removed_by_the_tracker_of_multiprocessing() -> None:
    command = [sys.executable, "-c", HOARDER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **new_group()) as root:
        identity = identify(root.pid)
        assert identity is not None
        assert root.stdout is not None
        segment = Path("/dev/shm", root.stdout.readline().strip())
        try:
            assert segment.exists()

            assert kill_tree(identity, timeout=30)
            assert not segment.exists()
        finally:
            segment.unlink(missing_ok=True)


BUSY_CLEANER = """
import sys, time  # multiprocessing.resource_tracker
print('ready', flush=True)
end = time.thread_time() + 1.5
while time.thread_time() < end:
    pass
print('cleaned', flush=True)
"""


def test_a_tracker_that_is_still_computing_is_not_killed_in_the_middle() -> None:
    command = [sys.executable, "-c", BUSY_CLEANER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **new_group()) as root:
        identity = identify(root.pid)
        assert identity is not None
        assert root.stdout is not None
        assert "ready\n" == root.stdout.readline()

        assert kill_tree(identity, timeout=60)
        assert "cleaned\n" == root.stdout.readline()


def test_what_only_looks_like_such_a_tracker_is_killed_after_a_moment() -> None:
    command = [sys.executable, "-c", IDLE_CLEANER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **new_group()) as root:
        identity = identify(root.pid)
        assert identity is not None
        assert root.stdout is not None
        root.stdout.readline()

        assert kill_tree(identity)
        assert not is_alive(identity)
