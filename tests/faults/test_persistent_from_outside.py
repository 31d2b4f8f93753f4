"""Persistent workers are seen, examined, debugged and stopped from the command line, with and without a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from persistent import NAME
from pools import FUNCTIONS, eventually, is_running, pids
from wetlands._store.parties import known_parties

if TYPE_CHECKING:
    from pathlib import Path

    from persistent import Instance

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")


def wetlands(instance: Instance, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wetlands", "-wip", str(instance.root), *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False)


def ps(instance: Instance) -> list[dict[str, Any]]:  # Any: JSON
    found: list[dict[str, Any]] = json.loads(wetlands(instance, "ps", "--json").stdout)
    return found


def test_persistent_workers_are_listed_once_with_their_program_or_their_keeper(instance: Instance) -> None:
    environment = instance.environment()
    environment.launch(persistent=True)
    (pid,) = pids(environment)
    eventually(lambda: len(known_parties(instance.root)) == 2, "the program and the keeper can be seen")
    (row,) = ps(instance)
    assert (pid, False, os.getpid()) == (row["pid"], row["persistent"], row["program_pid"])

    environment.detach()
    eventually(lambda: len(known_parties(instance.root)) == 1, "the program is not seen any more")
    eventually(lambda: [row["state"] for row in ps(instance)] == ["idle"], "the keeper knows that it runs nothing")
    (row,) = ps(instance)
    assert (pid, True, NAME) == (row["pid"], row["persistent"], row["environment"])
    assert f"(kept) {row['program_pid']}" in wetlands(instance, "ps").stdout


def test_what_stays_behind_is_examined_debugged_and_stopped(instance: Instance, tmp_path: Path) -> None:
    environment = instance.environment()
    environment.launch(persistent=True)
    (pid,) = pids(environment)
    task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 600})
    eventually(lambda: task.message == "begun", "it has begun")
    environment.detach()
    eventually(lambda: [row["state"] for row in ps(instance)] == ["busy"], "the keeper knows what it runs")

    assert "pool_functions:sleeps" == ps(instance)[0]["target"]
    assert "in sleeps" in wetlands(instance, "stack", "-n", NAME).stdout
    debugged = wetlands(instance, "debug", "-s", str(tmp_path), "-n", NAME, "-ide", "pycharm")
    assert (0, "") == (debugged.returncode, debugged.stderr)
    assert f"(pid {pid}) listens for a debugger" in debugged.stdout
    killed = wetlands(instance, "kill", "-n", NAME)
    assert (0, "") == (killed.returncode, killed.stderr)
    assert killed.stdout.startswith(f"Stopped 1 worker of {NAME} (pid {pid}), of the keeper of {NAME}")
    assert not is_running(pid)
    eventually(instance.is_empty, "the keeper ends with the last worker")
