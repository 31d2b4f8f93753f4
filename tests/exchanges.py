"""Two ends of one connection with shared memory between them, both in this process."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wetlands_worker import messages
from wetlands_worker.exchange import Exchange
from wetlands_worker.frames import Connection
from wetlands_worker.segments import Segment
from wetlands_worker.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arrays import Anything
    from wetlands_worker.arrivals import Frame

SIZE = 1 << 36
ROOM = 1 << 30


def exchange_on(
    descriptor: int, *, upper: bool, limit: int = ROOM, idle_limit: int = ROOM, size: int = SIZE
) -> Exchange:
    return Exchange(Segment(os.dup(descriptor), size), upper=upper, limit=limit, idle_limit=idle_limit)


@contextmanager
def a_connection(*, limit: int = ROOM, idle_limit: int = ROOM) -> Iterator[tuple[Connection, Connection]]:
    """Both ends; what lies in their memory outlives them."""
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, SIZE)
    ours, theirs = map(Connection, socket.socketpair())
    for upper, connection in ((False, ours), (True, theirs)):
        segment = Segment(os.dup(descriptor), SIZE)
        connection.exchange = Exchange(segment, upper=upper, limit=limit, idle_limit=idle_limit)
    os.close(descriptor)
    try:
        yield ours, theirs
    finally:
        for connection in (ours, theirs):
            exchange, connection.exchange = connection.exchange, None
            assert exchange is not None
            exchange.close()
            connection.close()


def zone_of(connection: Connection) -> Anything:
    """The blocks that this end lends."""
    assert connection.exchange is not None
    return connection.exchange.zone


def carried(value: object, sender: Connection, receiver: Connection) -> Anything:
    """The value, after it has crossed."""
    return decoded(frame_of(value, sender, receiver))


def frame_of(value: object, sender: Connection, receiver: Connection) -> Frame:
    body, buffers = encode(value)
    thread = threading.Thread(target=sender.send, args=(2, 1, body, buffers), daemon=True)
    thread.start()  # what travels in line may be more than the kernel keeps
    frame = receiver.receive()
    thread.join(20)
    assert frame is not None
    return frame


def decoded(frame: Frame) -> Anything:
    return decode(frame[2], frame[3])


def give_back(receiver: Connection, sender: Connection) -> None:
    receiver.send(messages.RESULT, 1)
    assert sender.receive() is not None
