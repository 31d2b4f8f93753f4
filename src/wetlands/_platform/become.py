"""Running a command in place of this program."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._platform.system import System

__all__ = ["become"]


def become(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    system: System = CURRENT,
    execute: Callable[..., object] = os.execve,
    call: Callable[..., int] = subprocess.call,
) -> NoReturn:
    """Run a command with the terminal, the signals and the exit code of this program.

    On POSIX this process becomes the command, under the same pid. Windows has no such thing: there the command is
    waited for, and this program leaves with its exit code.

    Args:
        argv: The program, as a path, and its arguments.
        environment: All its variables.
        system: The system to behave as on.
        execute: What replaces this process.
        call: What runs a command and returns its exit code.

    Raises:
        OSError: It cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if system == "posix":
        execute(argv[0], list(argv), dict(environment))
        raise AssertionError("a process that became another one returns to nobody")
    sys.exit(call(list(argv), env=dict(environment)))
