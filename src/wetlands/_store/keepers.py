"""Which persistent workers an instance has: a note of each keeper, written by itself.

```
<instance>/state/keepers/<pid>.json          where the keeper of some workers listens, and which these are
                         <pid>.sock          its socket
```
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wetlands._platform.process import ProcessIdentity, is_alive

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeeperNote", "keepers_folder", "known_keepers"]


@dataclass(frozen=True)
class KeeperNote:
    """What a keeper that lives says of itself.

    Attributes:
        environment: The name of the environment.
        generation: Which build of it the workers run; None for one that others made.
        process: The keeper.
        address: Where it listens, see `wetlands_worker.doors`.
        protocol: The version of the protocol that it speaks.
        version: The version of the library that launched it.
        program: The program that launched it.
        since: When, in seconds since the epoch.
        workers: Its workers, by their index.
    """

    environment: str
    generation: str | None
    process: ProcessIdentity
    address: str
    protocol: int
    version: str
    program: str
    since: float
    workers: dict[int, ProcessIdentity]

    def __str__(self) -> str:
        pids = ", ".join(str(worker.pid) for _, worker in sorted(self.workers.items())) or "none"
        return f"workers with pid {pids}, kept by process {self.process.pid} at {self.address}"


def keepers_folder(root: Path) -> Path:
    """Return the folder of the notes of an instance."""
    return root / "state" / "keepers"


def known_keepers(root: Path, environment: str | None = None) -> list[KeeperNote]:
    """Return the keepers that live, the oldest first; what dead ones have left is deleted.

    Args:
        root: The instance folder.
        environment: Only those of this environment.
    """
    found = []
    for path in keepers_folder(root).glob("*.json"):
        note = _read(path)
        if note is None:
            continue
        if not is_alive(note.process):
            for left in (path, path.with_suffix(".sock")):
                with suppress(OSError):
                    left.unlink()
        elif environment in {None, note.environment}:
            found.append(note)
    return sorted(found, key=lambda note: note.since)


def _read(path: Path) -> KeeperNote | None:
    """What a note says; None when it is being replaced, or is none."""
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))  # Any: JSON
        return KeeperNote(
            environment=str(stored["environment"]),
            generation=stored["generation"],
            process=_process(stored),
            address=str(stored["address"]),
            protocol=int(stored["protocol"]),
            version=str(stored["version"]),
            program=str(stored["program"]),
            since=float(stored["since"]),
            workers={int(worker["index"]): _process(worker) for worker in stored["workers"]},
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _process(stored: Any) -> ProcessIdentity:  # noqa: ANN401 - JSON
    return ProcessIdentity(int(stored["pid"]), float(stored["started"]))
