"""The programs of a keeper: who has the workers or waits for them, and what is passed on. See `keeper`."""

import os
import select
import socket
import sys
import threading
from time import monotonic, time

from wetlands_worker.frames import Connection
from wetlands_worker.values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Tuple

    from wetlands_worker.keeper_worker import KeptWorker

__all__ = ["Program", "Ticket"]


class Program:
    """A program that has, or waits for, the workers.

    Attributes:
        connection: Its connection, which is its claim.
        pid: Its process.
        name: What people call it.
        since: When it came.
    """

    def __init__(self, sock: "socket.socket", who: str) -> None:
        self.connection = Connection(sock)
        pid, _, name = who.partition(":")
        self.pid = int(pid) if pid.isdigit() else 0
        self.name = name
        self.since = time()
        self._watched = False

    def tell(self, kind: int, number: int, value: object = None) -> bool:
        """Say something; whether it is still there."""
        try:
            self.connection.send(kind, number, encode(value)[0])
        except OSError:
            return False
        return True

    def watch(self) -> None:
        """See its end also where a child that it has forked holds its connection open (on Linux)."""
        pidfd_open = getattr(os, "pidfd_open", None)  # from Python 3.9 on
        try:
            ended = None if pidfd_open is None else int(pidfd_open(self._seen_pid()))
            self._watched = ended is not None
        except OSError:  # it has ended, or is in another namespace
            return
        if ended is not None:
            threading.Thread(target=self._await, args=(ended,), name=f"program-{self.pid}", daemon=True).start()

    def look(self) -> None:
        """The same where the system tells of no ends; only of a process of the same namespace, as for a Unix socket."""
        if self._watched or self.connection.socket.family == socket.AF_INET:
            return
        try:
            os.kill(self._seen_pid(), 0)
        except ProcessLookupError:
            self.connection.abort()
        except OSError:
            pass

    def _seen_pid(self) -> int:
        """Its number here, which the system knows of the other end of a Unix socket."""
        sock = self.connection.socket
        option = getattr(socket, "SO_PEERCRED", None)
        if option is None or sock.family == socket.AF_INET:
            return self.pid
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, option, 12)[:4], sys.byteorder)

    def _await(self, ended: int) -> None:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(self.connection.socket.fileno(), getattr(select, "POLLRDHUP", 0))
        poll.poll()
        os.close(ended)
        self.connection.abort()

    def has_gone(self) -> bool:
        """Whether one that has to wait has given up: it says nothing before it is welcome."""
        sock = self.connection.socket
        return bool(select.select([sock], [], [], 0)[0])


class Ticket:
    """What belongs together to pass a program on to a worker, as it comes."""

    def __init__(self) -> None:
        self.made = monotonic()
        self.sockets: "Dict[str, socket.socket]" = {}
        self.worker: "Optional[KeptWorker]" = None
        self.tokens: "Tuple[str, ...]" = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.worker is not None and len(self.sockets) == len(("call", "control"))

    def close(self) -> None:
        """Let go of our copies of the connections."""
        for sock in self.sockets.values():
            sock.close()
