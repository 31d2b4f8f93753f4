"""Start a keeper of persistent workers: a process that is nobody's child and holds nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

from wetlands._launch.command import keeper_command
from wetlands._platform.process import ProcessIdentity, kill_tree, new_group
from wetlands._platform.system import CURRENT
from wetlands.exceptions import LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._platform.system import System

__all__ = ["start_keeper"]

_START_SECONDS = 30.0


def start_keeper(
    python: Path,
    variables: Mapping[str, str],
    settings: Mapping[str, object],
    *,
    who: str,
    system: System = CURRENT,
) -> tuple[int, str]:
    """Start one.

    Args:
        python: The interpreter of the environment.
        variables: The variables of its process.
        settings: See `wetlands_worker.keeper.Keeper`, and ``key``, the file of the key.
        who: The name of the environment.
        system: The family of the operating system.

    Returns:
        Its pid, and where it listens.

    Raises:
        LaunchError: It cannot be started.
    """
    if system == "windows":
        raise LaunchError(
            who,
            "persistent workers are passed from program to program by their open sockets, which is not done on Windows "
            "yet. Leave out `persistent`",
        )
    began = time.time()
    try:
        process = subprocess.Popen(
            keeper_command(python, json.dumps(settings)),
            env=dict(variables),
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **new_group(),
        )
    except OSError as error:
        raise LaunchError(who, f"{python} cannot be started ({error})") from error
    try:
        said, complained = process.communicate(timeout=_START_SECONDS)
    except subprocess.TimeoutExpired:
        kill_tree(ProcessIdentity(process.pid, began))  # with what it has forked, which holds the pipes
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait(_START_SECONDS)
        raise LaunchError(who, f"the keeper of its workers did not answer within {_START_SECONDS:g} s") from None
    try:
        answer: Any = json.loads(said)  # Any: JSON
    except ValueError:
        answer = {"error": f"it ended with exit code {process.returncode}"}
    if "error" in answer:
        reason = f"the keeper of its workers cannot be started: {answer['error']}"
        raise LaunchError(who, reason, complained.splitlines())
    return int(answer["pid"]), str(answer["address"])
