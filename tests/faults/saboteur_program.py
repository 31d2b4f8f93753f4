"""A program with persistent workers, which tests kill or let compete: ``saboteur_program.py ROOT WHAT ...``."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parents[1]))  # the folder of the tests

from persistent import Instance
from pools import FUNCTIONS
from wetlands.exceptions import AttachError, LaunchError

HERE = Instance(Path(sys.argv[1]), ExitStack())


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 - how it speaks to the test


def hear() -> None:
    sys.stdin.readline()


def launches(transport: str, go: str) -> None:
    """Two workers: one runs a call until there is a file, one is idle. Waits to be killed."""
    environment = HERE.environment()
    environment.launch(max_workers=2, persistent="tcp" if transport == "tcp" else True)
    task = environment.submit(FUNCTIONS, "begins_until_path", (go, "done"))
    while task.message is None:
        time.sleep(0.005)
    idle = environment.execute("os", "getpid")
    time.sleep(0.2)  # an answer that came in the last moment would be given again
    say(task=task.id, idle=idle)
    time.sleep(60)


def forks(go: str) -> None:
    """As `launches`, and a child has copies of all its connections."""
    environment = HERE.environment()
    environment.launch(persistent=True)
    task = environment.submit(FUNCTIONS, "begins_until_path", (go, "done"))
    while task.message is None:
        time.sleep(0.005)
    child = os.fork()
    if child:
        say(task=task.id, child=child)
    time.sleep(60)


def rests() -> None:
    """Has read an answer, and waits to be killed."""
    environment = HERE.environment()
    environment.launch(persistent=True)
    say(sum=environment.execute(FUNCTIONS, "add", (1, 2)))
    time.sleep(60)


def ends(how: str) -> None:
    """Ends in good order: with a detach, or without."""
    environment = HERE.environment()
    environment.launch(persistent=True)
    say(sum=environment.execute(FUNCTIONS, "add", (1, 2)))
    if how == "detached":
        environment.environment_manager.detach()


def races() -> None:
    """Wants the workers as soon as it may, and keeps them for a moment."""
    environment = HERE.environment()
    say(ready=True)
    hear()
    try:
        environment._attach(0.3)
    except AttachError as error:
        say(won=False, reason=error.reason)
    else:
        say(won=True, sum=environment.execute(FUNCTIONS, "add", (1, 2)))
        hear()
        environment.detach()


def launch_races() -> None:
    """Launches or attaches at the same time as others."""
    environment = HERE.environment()
    say(ready=True)
    hear()
    try:
        environment.environment_manager.launch_or_attach(environment, attach_timeout=10)
    except (AttachError, LaunchError) as error:
        say(won=False, reason=str(error))
        return
    say(won=True, sum=environment.execute(FUNCTIONS, "add", (1, 2)))
    environment.detach()


PROGRAMS: dict[str, Callable[..., None]] = {
    "launches": launches,
    "forks": forks,
    "rests": rests,
    "ends": ends,
    "races": races,
    "launch_races": launch_races,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[2]](*sys.argv[3:])
