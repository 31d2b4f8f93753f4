"""Who uses a generation: one empty file per use, named after the process, in a folder beside the generation.

The folder is the gate. Whoever wants to use the generation puts a file into it; whoever wants to remove the generation
removes the folder first, which the operating system refuses as long as a file is in it, and which leaves no moment in
between. A file whose process is gone (pid *and* start time: pids are reused) counts for nothing.

Limits: processes of another machine on a shared disk cannot be looked up, so their files count until they are deleted.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._platform.process import ProcessIdentity, identify, is_alive

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Mark", "User", "close", "mark", "open_gate", "users"]

_MARK = re.compile(r"(?P<pid>\d+)-(?P<started>\d+)-(?P<machine>[0-9a-f]{8})-[0-9a-f]{8}")


@dataclass(frozen=True)
class User:
    """A live process that uses a generation.

    Attributes:
        process: Who.
        here: Whether it runs on this machine; one that does not cannot be looked up.
        path: The file that says so.
    """

    process: ProcessIdentity
    here: bool
    path: Path

    def __str__(self) -> str:
        if self.here:
            return f"process {self.process.pid}"
        return f"process {self.process.pid} of another machine (if it is long gone, delete {self.path})"


class Mark:
    """One use of a generation; it ends with `release`, or with the process.

    Attributes:
        generation: Which one it is; None where nothing had to be marked.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.generation = None if path is None else path.parent.name.partition(".")[0]

    def release(self) -> None:
        """End the use; a second time does nothing."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()
            self._path = None


def open_gate(gate: Path) -> None:
    """Let a generation be used; done once, before its record is written."""
    gate.mkdir(exist_ok=True)


def mark(gate: Path, pid: int) -> Mark:
    """Say that a process uses a generation.

    Args:
        gate: The folder of its users.
        pid: The process. It need not be this one, and may outlive it.

    Raises:
        FileNotFoundError: The generation is being removed, or gone.
        OSError: The folder cannot be written to.
    """
    process = identify(pid)
    if process is None:
        raise ProcessLookupError(f"There is no process {pid} that could use an environment.")
    name = f"{process.pid}-{round(process.started * 100)}-{_machine()}-{secrets.token_hex(4)}"
    path = gate / name
    path.touch(exist_ok=False)
    return Mark(path)


def users(gate: Path) -> tuple[User, ...]:
    """Return the live users of a generation; the files of dead ones are deleted, which is no use of it."""
    live = []
    used = _times(gate)
    for path in _marks(gate):
        user = _user(path)
        if user is None or (user.here and not is_alive(user.process)):
            with suppress(OSError):
                path.unlink()
                os.utime(gate, ns=used)
        else:
            live.append(user)
    return tuple(live)


def close(gate: Path) -> tuple[User, ...]:
    """Make sure that nobody uses a generation, now or later.

    Returns:
        Nothing when it is so; else the live users, and all is as before.
    """
    while True:
        if live := users(gate):
            return live
        try:
            gate.rmdir()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError:
            if not any(True for _ in _marks(gate)):
                raise  # it is empty and cannot be removed: not a question of users
            # Somebody came in between: look again who it is.
        else:
            return ()


def _times(gate: Path) -> tuple[int, int]:
    try:
        state = gate.stat()
    except OSError:
        return (0, 0)  # it is gone, and nothing is in it
    return state.st_atime_ns, state.st_mtime_ns


def _marks(gate: Path) -> list[Path]:
    try:
        return sorted(gate.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _user(path: Path) -> User | None:
    match = _MARK.fullmatch(path.name)
    if match is None:
        return None
    process = ProcessIdentity(int(match["pid"]), int(match["started"]) / 100)
    return User(process, match["machine"] == _machine(), path)


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"
