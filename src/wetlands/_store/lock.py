"""One builder at a time per environment, across threads and processes; those who wait say whom they wait for."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import PurePath
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from wetlands.exceptions import ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._store.paths import Layout

__all__ = ["builder_lock", "program_name"]

# The lock of another process and the wish to cancel cannot be waited for together, only looked at in turn.
_LOOK_SECONDS = 0.1
_REMIND_SECONDS = 30.0
_UNKNOWN = "another process, which has not said yet who it is"


class _Turn:
    """The lock between the threads of this process; it knows its holder, so that a thread never waits for itself."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: int | None = None


_turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
_turns_guard = threading.Lock()


@contextmanager
def builder_lock(
    layout: Layout, name: str, observer: BuildObserver, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Hold the right to change an environment.

    A holder that died holds nothing any more: its lock goes with its process. While waiting, the observer hears the
    stage ``"waiting"`` with who holds the lock and since when, at once, when that changes, and every half minute.

    Args:
        layout: The paths of the instance.
        name: The environment.
        observer: Hears about the waiting, and may end it.
        clock: Seconds that never go back.

    Raises:
        ProvisioningCanceledError: The observer asked to stop while we waited.
        ProvisioningError: This thread already holds the lock, as when a listener of a build asks for the same build.
        OSError: The lock file cannot be made.
    """
    layout.environment(name).mkdir(parents=True, exist_ok=True)
    waiting = _Waiting(layout.holder(name), name, observer, clock)
    with ExitStack() as held:
        held.enter_context(_thread_turn(layout.lock(name), name, waiting))
        held.enter_context(_process_turn(layout.lock(name), waiting))
        _write_holder(layout.holder(name))
        held.callback(_forget_holder, layout.holder(name))
        yield


@contextmanager
def _thread_turn(lock: Path, name: str, waiting: _Waiting) -> Iterator[None]:
    key = os.path.normcase(lock)
    with _turns_guard:
        turn = _turns.setdefault(key, _Turn())
    if turn.holder == threading.get_ident():
        raise ProvisioningError(
            f"Environment {name!r} is being changed by this very thread, which would wait for itself for ever. "
            "Do not create, update, install into or delete it from a listener of its own build."
        )
    while not turn.lock.acquire(timeout=0 if waiting.silent else _LOOK_SECONDS):
        waiting.tell()
    try:
        turn.holder = threading.get_ident()
        yield
    finally:
        turn.holder = None
        turn.lock.release()


@contextmanager
def _process_turn(lock: Path, waiting: _Waiting) -> Iterator[None]:
    # Not at the top: it takes tens of milliseconds to import, and a create() that finds all as asked needs no lock.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    # thread_local: the lock is ours, whichever thread of an executor ends up closing it.
    process_lock = FileLock(lock, thread_local=False)
    while not process_lock.is_locked:
        with suppress(Timeout):
            process_lock.acquire(timeout=0 if waiting.silent else _LOOK_SECONDS, poll_interval=_LOOK_SECONDS / 2)
            break
        waiting.tell()
    try:
        yield
    finally:
        process_lock.release()


class _Waiting:
    """What one caller says while it waits."""

    def __init__(self, holder: Path, name: str, observer: BuildObserver, clock: Callable[[], float]) -> None:
        self._holder = holder
        self._name = name
        self._observer = observer
        self._clock = clock
        self._told: float | None = None
        self._whom = ""

    @property
    def silent(self) -> bool:
        """Whether nothing had to be said yet: the first look at a lock does not wait."""
        return self._told is None

    def tell(self) -> None:
        """Say whom we wait for, if it is time to; raise if the waiting shall end."""
        now = self._clock()
        whom = _describe(self._holder) or self._whom or _UNKNOWN  # who lets go of it is not named any more
        if self._told is None or whom != self._whom or now - self._told >= _REMIND_SECONDS:
            self._told, self._whom = now, whom
            sentence = f"Environment {self._name!r} is being changed by {whom}; waiting for it."
            self._observer.stage("waiting", sentence)
        if self._observer.cancel_requested:
            raise ProvisioningCanceledError(
                f"Cancelled while waiting for {whom}, which is changing environment {self._name!r}."
            )


def _write_holder(path: Path) -> None:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    stored = {"pid": os.getpid(), "since": since, "program": program_name(sys.argv, sys.executable)}
    with suppress(OSError):  # it only explains: a full disk is reported by what needs the space
        path.write_text(json.dumps(stored), encoding="utf-8")


def _forget_holder(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _describe(holder: Path) -> str | None:
    try:
        stored = json.loads(holder.read_text(encoding="utf-8"))
        pid, since = int(stored["pid"]), datetime.fromisoformat(stored["since"]).astimezone()
        program = str(stored.get("program", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    who = "another thread of this process," if pid == os.getpid() else "process"
    return f"{who} {pid}{f' ({program})' if program else ''} since {since:%Y-%m-%d %H:%M:%S}"


def program_name(argv: Sequence[str], executable: str) -> str:
    """Return what people call a program: its script or module, never its arguments, which may hold secrets."""
    script = PurePath(argv[0]) if argv and argv[0] not in {"", "-c", "-m"} else PurePath(executable)
    return script.parent.name if script.name == "__main__.py" else script.name
