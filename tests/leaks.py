"""What a test left behind: processes, threads, descriptors, files in temporary folders, shared memory.

`conftest.py` compares a `Snapshot` from before each test with the state after it. A fixture of a wider scope makes what
it keeps inside `with leaks.allow():`, and ends it itself.
"""

from __future__ import annotations

import gc
import os
import stat
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLE_SECONDS = 10.0
"""What ends by itself may take that long on a machine with too much to do."""
SHARED_MEMORY = Path("/dev/shm")
OUR_SEGMENTS = ("wetlands", "wl", "psm_")  # `psm_` is what multiprocessing.shared_memory calls its own

# Every descendant inherits it, so also a process whose parents are gone is known to be ours.
_MARK = "WETLANDS_TESTS_PROCESS"
_PROC = Path("/proc")
_DESCRIPTORS = next((path for path in (Path("/proc/self/fd"), Path("/dev/fd")) if path.exists()), None)
FINDS_ABANDONED = (_PROC / "self" / "environ").exists()
_INFRASTRUCTURE = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@dataclass(frozen=True)
class Leak:
    """One thing that was not there before: what kind it is of, what tells it from others, how to name it to people."""

    kind: str
    identity: tuple[object, ...]
    description: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.description}"


Snapshot = dict[tuple[str, tuple[object, ...]], Leak]

_allowed: set[tuple[str, tuple[object, ...]]] = set()


def mark_descendants() -> None:
    """Give every process that descends from this one a mark by which `snapshot` finds it; call it once per session."""
    os.environ[_MARK] = f"{os.getpid()}-{uuid.uuid4().hex}"


def snapshot() -> Snapshot:
    """Everything that counts as ours at this moment, without what infrastructure of the test run keeps."""
    found = (*_processes(), *_threads(), *_descriptors(), *_temporary_entries(), *_segments())
    return {(thing.kind, thing.identity): thing for thing in found}


def new_since(before: Snapshot, *, settle: float | None = None) -> list[Leak]:
    """What is here now, was not in `before` and does not go away within `settle` (`SETTLE_SECONDS`) seconds."""
    deadline = time.monotonic() + (SETTLE_SECONDS if settle is None else settle)
    pause = 0.002
    while leaked := _difference(before):
        gc.collect()  # what only a reference cycle holds is a matter of time, no leak
        if time.monotonic() >= deadline:
            return _owned(leaked)
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    return []


@contextmanager
def allow() -> Iterator[None]:
    """What appears inside the block may stay: for fixtures of module or session scope, which end it themselves."""
    before = snapshot()
    try:
        yield
    finally:
        _allowed.update(key for key in snapshot() if key not in before)


def end(leaked: list[Leak]) -> None:
    """Kill leaked processes, so that the tests that follow are not disturbed by them."""
    for leak in leaked:
        if leak.kind == "process":
            with suppress(psutil.Error):
                _process(leak).kill()


def _process(leak: Leak) -> psutil.Process:
    pid, started = leak.identity
    process = psutil.Process(int(str(pid)))
    if process.create_time() != started:
        raise psutil.NoSuchProcess(process.pid)
    return process


def _difference(before: Snapshot) -> list[Leak]:
    return [leak for key, leak in snapshot().items() if key not in before and key not in _allowed]


def _owned(leaked: list[Leak]) -> list[Leak]:
    """Without the shared memory of other programs, which is looked for only when a test is about to fail."""
    return [leak for leak in leaked if leak.kind != "shared memory" or not _held_by_others(str(leak.identity[0]))]


def _processes() -> Iterator[Leak]:
    for pid in {*_children(), *_marked()}:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE and process.ppid() != os.getpid():
                    continue  # dead; whoever adopted it has to collect it
                command = " ".join(process.cmdline()) or process.name()
                started = process.create_time()
        except psutil.Error:
            continue
        if not any(name in command for name in _INFRASTRUCTURE):
            yield Leak("process", (pid, started), f"{pid} {command[:200]}")


def _children() -> set[int]:
    tasks = Path("/proc/self/task")
    try:
        direct = [word for task in tasks.iterdir() for word in _read(task / "children").split()]
    except OSError:
        direct = ["unknown"]
    # walking the whole process table takes milliseconds, the usual case needs none of it
    return {child.pid for child in psutil.Process().children(recursive=True)} if direct else set()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # the thread has just ended
        return ""


def _marked() -> Iterator[int]:
    mark = os.environ.get(_MARK)
    if mark is None or not FINDS_ABANDONED:
        return
    wanted = f"{_MARK}={mark}".encode()
    own = os.getpid()
    for name in os.listdir(_PROC):
        if name.isdigit() and int(name) != own:
            with suppress(OSError), open(f"/proc/{name}/environ", "rb", buffering=0) as environment:
                if wanted in environment.read():
                    yield int(name)


def _threads() -> Iterator[Leak]:
    for thread in threading.enumerate():
        manner = "daemon" if thread.daemon else "non-daemon"
        yield Leak("thread", (thread.ident, id(thread)), f"{thread.name} ({manner})")


def _descriptors() -> Iterator[Leak]:
    if _DESCRIPTORS is None:
        return
    ours = _tracker_descriptor()
    for name in os.listdir(_DESCRIPTORS):
        number = int(name)
        try:
            state = os.fstat(number)
            target = os.readlink(f"/proc/self/fd/{number}") if _PROC.is_dir() else stat.filemode(state.st_mode)
        except OSError:
            continue  # the descriptor of the listing itself
        if number != ours:
            yield Leak("descriptor", (number, state.st_dev, state.st_ino), f"{number} -> {target}")


def _tracker_descriptor() -> int | None:
    """The pipe to the resource tracker, which multiprocessing opens once and keeps."""
    module = sys.modules.get("multiprocessing.resource_tracker")
    return None if module is None else getattr(module._resource_tracker, "_fd", None)


def _temporary_entries() -> Iterator[Leak]:
    folder = tempfile.gettempdir()
    with suppress(OSError):
        for name in os.listdir(folder):
            yield Leak("temporary file", (folder, name), os.path.join(folder, name))


def _segments() -> Iterator[Leak]:
    with suppress(OSError):
        for name in os.listdir(SHARED_MEMORY):
            if name.startswith(OUR_SEGMENTS):
                yield Leak("shared memory", (name,), str(SHARED_MEMORY / name))


def _held_by_others(name: str) -> bool:
    family = {os.getpid(), *_children(), *_marked()}
    wanted = str(SHARED_MEMORY / name).encode()
    for entry in os.listdir(_PROC):
        if entry.isdigit() and int(entry) not in family:
            with suppress(OSError):
                if wanted in Path(f"/proc/{entry}/maps").read_bytes():
                    return True
    return False
