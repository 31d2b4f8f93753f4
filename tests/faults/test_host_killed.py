"""When the host is killed, interrupted or ends without a word, nothing of it goes on running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pools import eventually, is_running

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("saboteur_host.py")
SECONDS = 5.0
"""How long a worker may outlive its host."""


class Host:
    """A program with workers, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the host has ended with {self.process.wait(10)}"
        said: dict[str, object] = json.loads(line)
        return said


@contextmanager
def a_host(what: str, *arguments: str) -> Iterator[Host]:
    command = [sys.executable, str(PROGRAM), what, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield Host(process)
        finally:
            process.kill()


@pytest.mark.parametrize("what", ["busy", "forked", "preloaded"])
def test_no_process_is_left_after_the_host_was_killed(what: str) -> None:
    """Workers that sleep, compute in C, ignore all requests, or idle; and the guardian itself."""
    with a_host(what) as host:
        facts = host.says()
        workers, guardian, child = facts["workers"], facts["guardian"], facts["child"]
        assert isinstance(workers, list)
        assert isinstance(child, int)
        processes = [*workers, guardian]
        assert [True] * len(processes) == [is_running(pid) for pid in processes]

        host.process.kill()
        try:
            eventually(lambda: not any(map(is_running, processes)), "all have ended", SECONDS)
        finally:
            if child > 0:
                os.kill(child, signal.SIGKILL)


def test_workers_that_are_starting_when_the_host_is_killed_end_too() -> None:
    with a_host("launching") as host:
        children = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children")
        eventually(lambda: len(children.read_text().split()) >= 2, "workers start")
        started = [int(pid) for pid in children.read_text().split()]
        host.process.kill()

        eventually(lambda: not any(map(is_running, started)), "all have ended", SECONDS)


def test_workers_whose_host_and_guardian_are_killed_end_by_themselves() -> None:
    with a_host("busy") as host:
        facts = host.says()
        workers, guardian = facts["workers"], facts["guardian"]
        assert isinstance(workers, list)
        assert isinstance(guardian, int)
        os.kill(guardian, signal.SIGKILL)
        host.process.kill()

        sleeps, counts, ignores, idle = sorted(workers)
        try:  # the one that holds the lock of its interpreter in C code is what the guardian is for
            eventually(lambda: sum(map(is_running, workers)) <= 1, "three have ended", SECONDS)
        finally:
            for pid in (sleeps, counts, ignores, idle):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_ctrl_c_in_a_blocking_call_gives_the_call_up_and_leaves_the_environment_usable(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("first", "second", "third")]
    with a_host("interrupted", *paths) as host:
        for path in paths:
            eventually(Path(path).exists, "the call runs")
            host.process.send_signal(signal.SIGINT)
            assert {"interrupted": path} == host.says()

        assert {"result": True} == host.says()
        assert {"result": 7} == host.says()
        assert 0 == host.process.wait(SECONDS)


def test_a_call_that_waits_for_a_worker_when_ctrl_c_comes_never_runs(tmp_path: Path) -> None:
    begun, unwanted = str(tmp_path / "begun"), str(tmp_path / "unwanted")
    with a_host("interrupted_in_the_queue", begun, unwanted) as host:
        eventually(Path(begun).exists, "the worker is busy")
        host.process.send_signal(signal.SIGINT)

        assert {"interrupted": unwanted} == host.says()
        assert {"result": 7, "ran": False} == host.says()
        assert 0 == host.process.wait(SECONDS)


@pytest.mark.parametrize("rounds", [300, pytest.param(3000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_ctrl_c_at_any_moment_of_short_calls_leaves_the_environment_usable(rounds: int) -> None:
    with a_host("interrupted_often", str(rounds)) as host:
        assert {"result": 7} == host.says()
        assert 0 == host.process.wait(SECONDS)
