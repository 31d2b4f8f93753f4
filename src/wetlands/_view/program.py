"""The door of a program: others of the same user see its workers, and may stop or debug them."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._pool.census import census
from wetlands.exceptions import StateError
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands._store.parties import Party, WorkerNote
    from wetlands._view.answers import Watched
    from wetlands_worker.doors import Door

__all__ = ["ProgramDoor"]

_PAUSE_SECONDS = 0.25
"""The first calls after a launch are not disturbed; and workers that come together are written down together."""

_JOIN_SECONDS = 1.0


class ProgramDoor:
    """Where a program answers those who look at its workers, for as long as it has any.

    A thread of its own does all of it, so neither a launch nor the first calls wait. A forked child of the program
    answers nothing and removes nothing. Where there can be no door, the log says why, and nothing else is different.

    Args:
        root: The instance folder.
        environments: Gives the environments whose workers are shown.
        pause: How long it waits after a launch.
    """

    def __init__(
        self, root: Path, environments: Callable[[], Sequence[Watched]], *, pause: float = _PAUSE_SECONDS
    ) -> None:
        self._root = root
        self._environments = environments
        self._pause = pause
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._opening: _Opening | None = None

    def begin(self) -> None:
        """There are workers: answer from soon on, until there are none any more."""
        if os.getpid() == self._owner:
            # RuntimeError: the interpreter is ending, or the system allows no more threads
            with self._lock, suppress(RuntimeError):
                if self._opening is None or self._opening.failed:
                    self._opening = _Opening(self._root, self._environments, self._pause, self._ends)

    def close(self) -> None:
        """Answer no more; nothing is left. `begin` begins anew."""
        if os.getpid() == self._owner:
            with self._lock:
                opening, self._opening = self._opening, None
            if opening is not None:
                opening.close()

    def _ends(self, opening: _Opening) -> bool:
        """Whether there are no workers any more; if so, the next `begin` opens another door."""
        with self._lock:
            ends = not any(environment.running_pool for environment in self._environments())
            if ends and self._opening is opening:
                self._opening = None
            return ends


class _Opening:
    """A door from when it is opened until it is closed."""

    def __init__(
        self,
        root: Path,
        environments: Callable[[], Sequence[Watched]],
        pause: float,
        ends: Callable[[_Opening], bool],
    ) -> None:
        self._root = root
        self._environments = environments
        self._pause = pause
        self._ends = ends
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="wetlands-program", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """Whether there could be no door."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End the thread, and let go of whoever is being answered."""
        self._closing.set()
        self._changed.set()
        self._thread.join(3 * _JOIN_SECONDS)

    def _run(self) -> None:
        if self._closing.wait(self._pause) or self._ends(self):
            return
        try:
            self._answer()
        except (OSError, RuntimeError, StateError) as error:  # RuntimeError: no more threads
            logger.log_global(logging.INFO, "`wetlands ps` cannot see the workers of this program: %s", error)

    def _answer(self) -> None:
        # Not at the top: a program that launches nothing, or not for long, needs none of it
        from wetlands._store.keys import auth_key, private_folder  # noqa: PLC0415
        from wetlands._store.parties import known_parties, programs_folder  # noqa: PLC0415
        from wetlands_worker.doors import Door  # noqa: PLC0415

        _, key = auth_key(self._root)
        known_parties(self._root)  # sweeps what others have left
        folder = private_folder(programs_folder(self._root))
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        door = Door.open(str(folder), f"{name}.sock", False)  # noqa: FBT003 - the signature was agreed on
        census.join(self._changed)
        try:
            door.serve(key, self._client)
            self._keep_note(folder / f"{name}.json", door)
        finally:
            census.leave(self._changed)
            self._closing.set()  # whoever was admitted at this moment is not served any more
            door.close()
            self._see_off()

    def _keep_note(self, path: Path, door: Door) -> None:
        """Keep the note up to date until the door is closed, and remove it then."""
        from wetlands._store.parties import write_note  # noqa: PLC0415 - see above

        since = time.time()
        try:
            while not (self._closing.is_set() or self._ends(self)):
                self._changed.clear()
                write_note(path, self._party(door.address, since))
                self._changed.wait()
                self._closing.wait(self._pause)
        finally:
            path.unlink(missing_ok=True)

    def _party(self, address: str, since: float) -> Party:
        from wetlands._platform.process import ProcessIdentity, identify  # noqa: PLC0415 - see above
        from wetlands._store.parties import Party  # noqa: PLC0415 - see above
        from wetlands_worker.messages import PROTOCOL_VERSION  # noqa: PLC0415 - see above

        process = identify(os.getpid()) or ProcessIdentity(os.getpid(), since)
        return Party("program", process, _program(), address, PROTOCOL_VERSION, since, tuple(self._workers()))

    def _workers(self) -> list[WorkerNote]:
        from wetlands._platform.process import identify  # noqa: PLC0415 - see above
        from wetlands._store.parties import WorkerNote  # noqa: PLC0415 - see above

        pools = [(environment.name, environment.running_pool) for environment in self._environments()]
        workers = [(name, worker) for name, pool in pools if pool is not None for worker in pool.workers]
        found = [(name, worker.index, identify(worker.process.pid)) for name, worker in workers]
        return [WorkerNote(name, index, process) for name, index, process in found if process is not None]

    # ---------------------------------------------------------------- clients

    def _client(self, sock: socket.socket, purpose: bytes) -> None:
        from wetlands._view.answers import Answers  # noqa: PLC0415 - see above
        from wetlands_worker.looking import PURPOSE, serve_looks  # noqa: PLC0415 - see above

        if purpose != PURPOSE:
            sock.close()
            return
        with self._lock:
            self._clients[sock] = threading.current_thread()
        try:
            if not self._closing.is_set():
                serve_looks(sock, Answers(self._environments))
        finally:
            sock.close()
            with self._lock:
                del self._clients[sock]

    def _see_off(self) -> None:
        """Let those that are being answered get their answer, but ask nothing more."""
        with self._lock:
            clients = dict(self._clients)
        for end in (socket.SHUT_RD, socket.SHUT_RDWR):
            for sock in clients:
                with suppress(OSError):  # it has gone
                    sock.shutdown(end)
            deadline = time.monotonic() + _JOIN_SECONDS
            for thread in clients.values():
                thread.join(max(0.0, deadline - time.monotonic()))


def _program() -> str:
    """What people call this program: its script, or the module or command that it was started with."""
    script = Path(next(iter(getattr(sys, "argv", ())), ""))  # programs that embed Python may have none
    name = script.parent.name if script.name == "__main__.py" else script.name
    return name if name not in {"", "-c", "-m"} else Path(sys.executable or "python").name
