"""Both ends of what a host and one of its workers share: two connections, a page, and memory for large buffers."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._launch.introductions import Introductions, forget
from wetlands._launch.lending import lending
from wetlands._launch.warmth import Pair, warmth
from wetlands._platform.page import make_page
from wetlands._platform.reachable import make_reachable_page, reachable
from wetlands._platform.segment import make_segment
from wetlands_worker.frames import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.page import Page
    from wetlands_worker.segments import Segment

__all__ = ["Ours", "Theirs", "make_ends", "make_reachable_ends"]


@dataclass(frozen=True, slots=True)
class Ours:
    """What the host keeps.

    Attributes:
        call: The connection that the worker's main thread reads.
        control: The connection that a thread of the worker serves.
        page: The page that survives the worker.
    """

    call: Connection
    control: Connection
    page: Page

    def close(self, *, trim: bool = True) -> None:
        """Let go of it.

        Args:
            trim: See `close_exchange`; a worker that stays may still need what it has written there.
        """
        self.page.close()
        self.call.close()
        self.control.close()
        self.close_exchange(trim=trim)

    def close_exchange(self, *, trim: bool = False) -> None:
        """Let go of the memory for large buffers; what still is used of it stays.

        Args:
            trim: The worker is gone: all other memory is free now, also when other workers have it mapped.
        """
        exchange, self.call.exchange = self.call.exchange, None
        if exchange is not None:
            watcher = exchange.watcher
            exchange.close(trim=trim)
            if isinstance(watcher, Pair):
                watcher.leave()
            lending.leave(exchange)
            forget(exchange.segment)


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the worker inherits.

    Attributes:
        sockets: Its call and its control connection.
        page: The token by which it finds the page, and the descriptors for that.
        segment: The same of the shared memory; these descriptors are the host's too.
        nonce: What marks its output; nobody else can know it.
    """

    sockets: tuple[socket.socket, socket.socket]
    page: tuple[str, Sequence[int]]
    segment: tuple[str, Sequence[int]]
    nonce: str

    def close(self) -> None:
        """Let go of it, once the worker has it."""
        for sock in self.sockets:
            sock.close()
        for descriptor in self.page[1]:
            os.close(descriptor)


def make_ends() -> tuple[Ours, Theirs]:
    """Make both ends.

    Raises:
        OSError: There are no descriptors left.
    """
    nonce = os.urandom(8).hex()
    with ExitStack() as undo:
        our_call, their_call = _pair(undo)
        our_control, their_control = _pair(undo)
        page, token, descriptors = make_page(nonce)
        undo.callback(page.close)
        for descriptor in descriptors:
            undo.callback(os.close, descriptor)
        exchange, segment, shared = make_segment()
        call, control = Connection(our_call), Connection(our_control)
        call.exchange = exchange
        if exchange is not None:
            _count(exchange, control)
            exchange.introduce = Introductions(control).introduce
        undo.pop_all()
    ours = Ours(call, control, page)
    return ours, Theirs((their_call, their_control), (token, descriptors), (segment, shared), nonce)


def make_reachable_ends(
    connect: Callable[[str], socket.socket],
) -> tuple[Ours, tuple[str, str], Callable[[], None]]:
    """Make both ends for a worker that exists already, and inherits nothing.

    Args:
        connect: Connects to the worker, for ``"call"`` or ``"control"``.

    Returns:
        Our end; how the worker opens the page and the shared memory; and what is to be called when it has, which it
        says by its hello.

    Raises:
        OSError: There are no descriptors left.
    """
    with ExitStack() as undo:
        sockets = [connect("call")]
        undo.callback(sockets[0].close)
        sockets.append(connect("control"))
        undo.callback(sockets[1].close)
        page, page_token, opened = make_reachable_page()
        undo.callback(page.close)
        undo.callback(opened)
        exchange, segment, _ = make_segment()
        call, control = map(Connection, sockets)
        call.exchange = exchange
        if exchange is not None:
            _count(exchange, control)
            passes = sockets[1].family != socket.AF_INET  # of a port, the descriptors beside a message are dropped
            exchange.introduce = Introductions(control).introduce if passes else _introduce_nobody
        undo.pop_all()
    return Ours(call, control, page), (page_token, reachable(segment)), opened


def _count(exchange: Exchange, control: Connection) -> None:
    """Have its memory counted together with that of all workers."""
    exchange.watcher = Pair(exchange, control, warmth)
    lending.join(exchange)


def _introduce_nobody(_segment: Segment) -> bool:
    return False


def _pair(undo: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    undo.callback(ours.close)
    undo.callback(theirs.close)
    ours.settimeout(None)  # the program may have set a default timeout, which is not meant for calls; and a worker
    theirs.settimeout(None)  # that inherits a socket which does not block takes "nothing there yet" for the end
    return ours, theirs
