"""Where the debuggers of workers listen."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wetlands._launch.ending import in_parallel
from wetlands.exceptions import DebuggerError
from wetlands_worker import debugger, messages
from wetlands_worker.values import DecodeError, decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.worker import Worker

__all__ = ["DebugEndpoint", "ask_to_listen", "debugpy_folder", "hold_variables", "listen_variables", "listening"]

_PATIENCE_SECONDS = 45.0  # debugpy itself gives its adapter 30 s


@dataclass(frozen=True)
class DebugEndpoint:
    """Where the debugger of a worker listens, for editors that speak the Debug Adapter Protocol.

    Attributes:
        environment: The name of the environment.
        worker: The index of the worker.
        pid: Its process.
        host: The address, always of the loopback interface.
        port: The port.
    """

    environment: str
    worker: int
    pid: int
    host: str
    port: int

    def __str__(self) -> str:
        who = f"Worker {self.worker} of {self.environment} (pid {self.pid})"
        return f"{who} listens for a debugger on {self.host}:{self.port}"


def debugpy_folder() -> Path:
    """Return the folder of this program's debugpy; it is not imported.

    Raises:
        DebuggerError: It has none.
    """
    found = importlib.util.find_spec("debugpy")
    if found is None or found.origin is None:
        raise DebuggerError(
            "Debugging workers needs debugpy, here and not in the environments: install it with "
            '`pip install "wetlands[debug]"`.'
        )
    return Path(found.origin).parent


def listen_variables() -> dict[str, str]:
    """Return the variables of a worker that listens for a debugger before its first call.

    Raises:
        DebuggerError: This program has no debugpy.
    """
    return {debugger.LISTEN: "1", **_where()}


def hold_variables(seconds: float) -> dict[str, str]:
    """Return the variables of a worker in which a failed call waits so many seconds for a debugger.

    Raises:
        DebuggerError: This program has no debugpy.
    """
    return {debugger.HOLD: repr(seconds), **_where()}


def _where() -> dict[str, str]:
    return {debugger.FOLDER: str(debugpy_folder()), debugger.PYTHON: sys.executable}


def ask_to_listen(worker: Worker) -> DebugEndpoint:
    """Have a worker listen for a debugger, whatever it is doing; asked again, it is the same place.

    Raises:
        DebuggerError: This program has no debugpy, or the worker cannot start it.
    """
    body = encode((str(debugpy_folder()), sys.executable))[0]
    answer = worker.inquiries.ask(messages.DEBUG, _PATIENCE_SECONDS, body)
    who = f"worker {worker.index} of {worker.info.environment} (pid {worker.process.pid})"
    if answer is None:
        raise DebuggerError(f"No debugger in {who}: it has ended, or does not answer, as in native code.")
    try:
        host, port, problem = cast("tuple[str, int, str | None]", decode(answer, ()))
    except (DecodeError, TypeError, ValueError) as error:
        raise DebuggerError(f"No debugger in {who}: its answer cannot be read ({error}).") from error
    if problem is not None:
        raise DebuggerError(f"No debugger in {who}: {problem}.")
    return DebugEndpoint(str(worker.info.environment), worker.index, worker.process.pid, host, port)


def listening(workers: Sequence[Worker]) -> list[DebugEndpoint]:
    """Have several workers listen, all at the same time.

    Raises:
        DebuggerError: One of them cannot; the others listen.
    """
    found: list[DebugEndpoint] = []

    def ask(worker: Worker) -> None:
        found.append(ask_to_listen(worker))

    in_parallel([partial(ask, worker) for worker in workers])
    return sorted(found, key=lambda endpoint: endpoint.worker)
