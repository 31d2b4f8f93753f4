"""Where the debuggers of an instance's workers listen, for programs other than the one that started them.

```
<instance>/state/debuggers/<pid>.json        one worker; it counts as long as that process lives, on that machine
```
"""

from __future__ import annotations

import json
import secrets
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wetlands._store.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["DebugEndpoint", "known_debuggers", "note_debuggers"]


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


def note_debuggers(root: Path, endpoints: Iterable[DebugEndpoint]) -> None:
    """Write down where workers listen; in an instance folder that cannot be written to, nothing is.

    Args:
        root: The instance folder.
        endpoints: Where the workers listen.
    """
    from wetlands._platform.process import identify  # noqa: PLC0415 - imports psutil

    folder = root / "state" / "debuggers"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
        for endpoint in endpoints:
            process = identify(endpoint.pid)
            if process is not None:
                text = json.dumps({**asdict(endpoint), "started": process.started, "machine": socket.gethostname()})
                path = folder / f"{endpoint.pid}.json"
                write_atomically(path, text, staged=folder / f"{endpoint.pid}.{secrets.token_hex(4)}.tmp")


def known_debuggers(root: Path) -> list[DebugEndpoint]:
    """Return where workers that live listen, by environment and worker; notes of dead ones are deleted."""
    found = sorted(_living(root / "state" / "debuggers"), key=lambda endpoint: (endpoint.environment, endpoint.worker))
    return list(found)


def _living(folder: Path) -> Iterator[DebugEndpoint]:
    from wetlands._platform.process import ProcessIdentity, is_alive  # noqa: PLC0415 - imports psutil

    here = socket.gethostname()
    for path in folder.glob("*.json"):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored.pop("machine", here) != here:
                continue
            process = ProcessIdentity(int(stored["pid"]), float(stored.pop("started")))
            endpoint = DebugEndpoint(**stored)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # being replaced, or damaged
            continue
        if is_alive(process):
            yield endpoint
        else:
            with suppress(OSError):
                path.unlink()
