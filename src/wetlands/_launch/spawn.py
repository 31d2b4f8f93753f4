"""Start a worker as a new process of its interpreter."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from wetlands._launch.bytecode import bytecode_folder
from wetlands._launch.command import worker_command
from wetlands._platform.child import OwnChild
from wetlands._platform.inherit import inherit
from wetlands._platform.process import new_group
from wetlands.exceptions import LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._launch.ends import Theirs

__all__ = ["spawn"]


def spawn(theirs: Theirs, *, python: Path, environment: Mapping[str, str], session: str, who: str) -> OwnChild:
    """Start a worker; it says hello later.

    Args:
        theirs: What it inherits, which stays the caller's to close.
        python: The interpreter of the environment.
        environment: The environment variables of the process, all of them.
        session: What the ids of this host's tasks start with.
        who: How errors name it.

    Raises:
        LaunchError: The interpreter cannot be started.
    """
    (page, descriptors), (segment, shared) = theirs.page, theirs.segment
    numbers, options = inherit(theirs.sockets, (*descriptors, *shared))
    command = worker_command(python, numbers, (page, segment), theirs.nonce, session, bytecode_folder(environment))
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
            **new_group(),
        )
    except OSError as error:
        raise LaunchError(who, f"{python} cannot be started ({error})") from error
    return OwnChild(process)
