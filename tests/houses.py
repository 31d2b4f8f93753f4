"""A door for tests, with an echo behind it."""

from __future__ import annotations

import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pools import DEADLINE
from wetlands_worker import doors
from wetlands_worker.doors import Door, reach
from wetlands_worker.frames import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(range(32))
SHORT = 0.3  # how long the doors of these tests wait for a proof


class House:
    """A door behind which every frame is echoed."""

    def __init__(self, folder: Path, *, tcp: bool, seconds: float = SHORT) -> None:
        self.door = Door.open(str(folder), "door", tcp)
        self.admitted: list[bytes] = []
        self.door.serve(KEY, self.echo, seconds)

    def echo(self, sock: socket.socket, purpose: bytes) -> None:
        self.admitted.append(purpose)
        with sock:
            connection = Connection(sock)
            while (frame := connection.receive()) is not None:
                connection.send(frame[0], frame[1], frame[2])

    def serves(self) -> None:
        """A client with the key is served, and soon."""
        with reach(self.door.address, KEY, b"good", DEADLINE) as sock:
            sock.settimeout(DEADLINE)
            connection = Connection(sock)
            connection.send(1, 2, b"body")
            assert (1, 2, b"body", ()) == connection.receive()

    def knock(self) -> socket.socket:
        """A connection that has said nothing yet."""
        family, where = doors._parse(self.door.address)
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.connect(where)
        sock.settimeout(DEADLINE)
        return sock


@contextmanager
def closing_house(house: House) -> Iterator[House]:
    try:
        yield house
    finally:
        house.door.close()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A path that a Unix socket may have, which those of pytest can be too long for."""
    with tempfile.TemporaryDirectory(prefix="door") as folder:
        yield Path(folder)


def is_sent_away(sock: socket.socket) -> bool:
    """Whether the door closes, however much it says before."""
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass
    return True
