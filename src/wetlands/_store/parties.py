"""Who has workers of an instance, and where to ask them: notes of programs, and of keepers of persistent workers.

```
<instance>/state/programs/<pid>-<random>.json    a program that launched workers
                          <pid>-<random>.sock    where it listens
<instance>/state/keepers/<pid>-<random>.json     a process that keeps persistent workers, and its socket
```

Both kinds of notes have the same fields, so one reader serves for both. Notes of other machines, on a disk that they
share, are left alone: their processes cannot be looked up from here.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wetlands._platform.process import ProcessIdentity, identify, is_alive
from wetlands._store.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Party", "WorkerNote", "known_parties", "programs_folder", "write_note"]

_STEP_SECONDS = 600.0  # clocks of machines that share a disk differ
_FOLDERS: dict[str, Literal["program", "keeper"]] = {"programs": "program", "keepers": "keeper"}


@dataclass(frozen=True)
class WorkerNote:
    """A worker, as it was written down when it began.

    Attributes:
        environment: The name of its environment.
        index: Its place in the pool.
        process: Its process, which may have ended since.
    """

    environment: str
    index: int
    process: ProcessIdentity


@dataclass(frozen=True)
class Party:
    """A process that has workers.

    Attributes:
        kind: A program that launched them, or the keeper of persistent ones.
        process: Who it is.
        program: What people call it; of a keeper, the environment.
        address: Where it listens, see `wetlands_worker.doors`.
        protocol: The version of the protocol that it speaks.
        since: When it began to listen, in seconds since the epoch.
        workers: What it has written down of its workers.
        alive: Whether its process lives. That of a dead one is shown as long as one of its workers does.
        generation: Of a keeper: which build of the environment its workers run; None for one that others made.
        version: Of a keeper: the version of the library that launched it.
    """

    kind: Literal["program", "keeper"]
    process: ProcessIdentity
    program: str
    address: str
    protocol: int
    since: float
    workers: tuple[WorkerNote, ...]
    alive: bool = True
    generation: str | None = None
    version: str = ""

    def __str__(self) -> str:
        who = "the keeper of" if self.kind == "keeper" else "program"
        return f"{who} {self.program} (pid {self.process.pid})"


def programs_folder(root: Path) -> Path:
    """Return the folder of the notes of programs."""
    return root / "state" / "programs"


def write_note(path: Path, party: Party) -> None:
    """Write or replace the note of a program; a reader sees the old one or the new one.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(
        {
            "pid": party.process.pid,
            "started": party.process.started,
            "program": party.program,
            "address": party.address,
            "protocol": party.protocol,
            "machine": socket.gethostname(),
            "since": party.since,
            "workers": [
                {
                    "environment": worker.environment,
                    "index": worker.index,
                    "pid": worker.process.pid,
                    "started": worker.process.started,
                }
                for worker in party.workers
            ],
        }
    )
    staged = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    write_atomically(path, text, staged=staged, lasting=False)


def known_parties(root: Path) -> list[Party]:
    """Return who has workers, the oldest first; what dead ones have left is deleted once their workers are dead too.

    Args:
        root: The instance folder.

    Raises:
        OSError: The notes are not this user's to read.
    """
    found: list[Party] = []
    for name, kind in _FOLDERS.items():
        folder = root / "state" / name
        found += _living(folder, kind)
        _sweep(folder)
    return sorted(found, key=lambda party: party.since)


def _living(folder: Path, kind: Literal["program", "keeper"]) -> Iterator[Party]:
    for path in _entries(folder, ".json"):
        party = _read(path, kind)
        if party is None:
            continue
        if party.alive or any(is_alive(worker.process) for worker in party.workers):
            yield party
        else:
            for left in (path, path.with_suffix(".sock")):
                with suppress(OSError):
                    left.unlink()


def _read(path: Path, kind: Literal["program", "keeper"]) -> Party | None:
    """What a note says; None when it is being removed, is none, or of another machine."""
    here = socket.gethostname()
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))  # Any: JSON
        if stored.get("machine", here) != here:
            return None
        process = _process(stored)
        environment = stored.get("environment", "")
        workers = tuple(
            WorkerNote(str(worker.get("environment", environment)), int(worker["index"]), _process(worker))
            for worker in stored.get("workers", ())
        )
        return Party(
            kind=kind,
            process=process,
            program=str(environment if kind == "keeper" else stored["program"]),
            address=str(stored["address"]),
            protocol=int(stored["protocol"]),
            since=float(stored["since"]),
            workers=workers,
            alive=is_alive(process),
            generation=stored.get("generation"),
            version=str(stored.get("version", "")),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _process(stored: Any) -> ProcessIdentity:  # noqa: ANN401 - JSON
    return ProcessIdentity(int(stored["pid"]), float(stored["started"]))


def _sweep(folder: Path) -> None:
    """Remove what a process has left that was killed between two steps: the name begins with its pid.

    A process of another machine is past these steps by then.
    """
    for path in _entries(folder, ".sock", ".tmp"):
        pid = path.name.partition("-")[0].partition(".")[0]
        if pid.isdigit() and identify(int(pid)) is None and not path.with_suffix(".json").exists():
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _STEP_SECONDS:
                    path.unlink()


def _entries(folder: Path, *suffixes: str) -> Iterable[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    except (FileNotFoundError, NotADirectoryError):
        return ()
