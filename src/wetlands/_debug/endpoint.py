"""Has workers listen for a debugger."""

from __future__ import annotations

import importlib.util
import math
import sys
from functools import partial
from pathlib import Path
from reprlib import repr as brief
from typing import TYPE_CHECKING

from wetlands._launch.ending import in_parallel
from wetlands._plain.decoding import decode_plain
from wetlands._plain.fields import fields
from wetlands._pool.limits import checked_timeout
from wetlands._store.debuggers import DebugEndpoint
from wetlands.exceptions import DebuggerError
from wetlands_worker import debugger, messages
from wetlands_worker.values import DecodeError, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._pool.worker import Worker

__all__ = ["ask_to_listen", "debug_variables", "debugpy_folder", "listening"]

_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535
_PATIENCE_SECONDS = 45.0  # debugpy itself gives its adapter 30 s


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


def debug_variables(on_error: str, hold_timeout: object, *, listen: bool) -> dict[str, str]:
    """Return the variables of workers to be debugged; none when nobody asks for it.

    Args:
        on_error: ``"hold"`` lets a failed call wait for a debugger, ``"raise"`` does not.
        hold_timeout: Seconds that it waits.
        listen: Whether the workers listen for a debugger before their first call.

    Raises:
        ValueError: `on_error` or `hold_timeout` is something else.
        DebuggerError: This program has no debugpy.
    """
    if on_error not in {"raise", "hold"}:
        raise ValueError(f'on_error is "raise" or "hold", not {on_error!r}')
    wanted = {debugger.LISTEN: "1"} if listen else {}
    if on_error == "hold":
        wanted[debugger.HOLD] = repr(checked_timeout("hold_timeout", hold_timeout) or math.inf)
    where = {debugger.FOLDER: str(debugpy_folder()), debugger.PYTHON: sys.executable} if wanted else {}
    return {**wanted, **where}


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
        host, port, problem = fields(decode_plain(answer, ()), 3)[:3]
    except (DecodeError, ValueError) as error:
        raise DebuggerError(f"No debugger in {who}: its answer cannot be read ({error}).") from error
    if problem is not None:
        raise DebuggerError(f"No debugger in {who}: {brief(problem) if type(problem) is not str else problem}.")
    if host != _LOOPBACK or type(port) is not int or not 0 < port <= _LAST_PORT:
        raise DebuggerError(f"No debugger in {who}: it named a place that is not on this machine.")
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
