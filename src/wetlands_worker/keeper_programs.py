"""The programs of a keeper: who has the workers or waits for them, and what is passed on. See `keeper`."""

from time import monotonic, time

from wetlands_worker.frames import Connection
from wetlands_worker.values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Dict, Optional, Tuple

    from wetlands_worker.keeper_worker import KeptWorker

__all__ = ["Program", "Ticket"]


class Program:
    """A program that has, or waits for, the workers."""

    def __init__(self, sock: "socket.socket", who: str) -> None:
        self.connection = Connection(sock)
        pid, _, name = who.partition(":")
        self.pid = int(pid) if pid.isdigit() else 0
        self.name = name
        self.since = time()

    def tell(self, kind: int, number: int, value: object = None) -> bool:
        """Say something; whether it is still there."""
        try:
            self.connection.send(kind, number, encode(value)[0])
        except OSError:
            return False
        return True

    def has_gone(self) -> bool:
        """Whether one that has to wait has given up: it says nothing before it is welcome."""
        import select  # noqa: PLC0415 - few have to wait

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
