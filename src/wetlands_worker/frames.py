"""Frames over a stream socket: a small header, a body, then raw buffers.

```
0        1        2                 4                                   8                          16
| kind   | flags  | buffer count    | task number                       | length of the body        |
| length of each buffer, 8 bytes each | body | buffers, one after the other                         |
```

All numbers are little-endian. 65,535 buffers or more are announced as 65,535, and their table begins with their number.
One small frame is one `send` and usually one `recv`. Large buffers are sent from where they lie and received into
memory of their own, so each crosses with one copy into and one out of the kernel.

Reading can be resumed: when `Connection.receive` is left by an exception (Ctrl-C), what has arrived is kept, and the
next call goes on from there. A frame whose *sending* is cut short cannot be mended; the connection is closed instead.

With shared memory (`exchange`), a large buffer is copied there instead. The highest bit of its length is set then, and
what follows are the 8 bytes of its place. Leases that ended are given back in a frame before the next one.
"""

import _socket
from _struct import Struct
from _thread import allocate_lock

from wetlands_worker.arrivals import MANY_BUFFERS, MAX_LENGTH, NO_LIMITS, PLACE_SIZE, BrokenFrameError, LargeFrame
from wetlands_worker.descriptors import DONTWAIT, rights
from wetlands_worker.eager import Eager, helps
from wetlands_worker.messages import RETURNED
from wetlands_worker.pieces import Piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import Callable, List, Optional, Sequence, Union

    from wetlands_worker.arrivals import Frame
    from wetlands_worker.exchange import Exchange, Part, Staged

    Bytes = Union[bytes, bytearray, memoryview]

__all__ = ["DONTWAIT", "MAX_LENGTH", "BrokenFrameError", "Connection", "receive_now"]

_HEADER = Struct("<BBHIQ")
_HEADER_SIZE = _HEADER.size
_CHUNK = 1 << 16
_MAX_PARTS = 512  # of one sendmsg; the smallest IOV_MAX in use is 1024


class Connection:
    """One end of a stream socket that carries frames; any thread may send, one at a time may receive.

    Attributes:
        exchange: The memory that both ends share; None where there is none.
        limits: How many bytes of the body of a frame are taken, and of its buffers that come in line, and how many
            buffers. What is more is read and dropped, and decoding it fails; too many buffers break the connection.
    """

    __slots__ = (
        "_buffer",
        "_eager",
        "_end",
        "_got",
        "_large",
        "_lock",
        "_recv_into",
        "_send",
        "_start",
        "_unsent",
        "_view",
        "exchange",
        "limits",
        "socket",
    )

    def __init__(self, sock: "Union[socket, _socket.socket]") -> None:
        self.socket = sock
        self.exchange: "Optional[Exchange]" = None
        self.limits = NO_LIMITS
        self._send = sock.send
        self._recv_into: "Callable[[memoryview], int]" = sock.recv_into
        self._lock = allocate_lock()
        self._unsent = b""
        self._eager: "Optional[Eager]" = None
        self._buffer = bytearray(_CHUNK)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._got: "List[int]" = []  # how many bytes came, while `_end` or a large frame does not know of them yet
        self._large: "Optional[LargeFrame]" = None

    # ---------------------------------------------------------------- sending

    def send(self, kind: int, number: int, body: "Bytes" = b"", buffers: "Sequence[Part]" = ()) -> None:
        """Send one frame; returns when the kernel has taken all of it.

        Raises:
            OSError: The other side is gone.
        """
        size = len(body)
        header = _HEADER.pack(kind, 0, min(len(buffers), MANY_BUFFERS), number, size)
        exchange = self.exchange
        staged = self._staged(exchange, buffers) if buffers else ()
        with self._lock:
            try:
                if self._unsent:
                    self._send_all(self._unsent)
                    self._unsent = b""
                if exchange is not None and exchange.returned:
                    header = _returned(exchange.returns()) + header
                if size < _CHUNK and not staged:
                    frame = header + body
                    sent = self._send(frame)
                    if sent != len(frame):
                        self._send_all(memoryview(frame)[sent:])
                else:
                    self._send_parts(header, body, staged)
            except BaseException:  # also Ctrl-C: how much was sent is not known
                self.abort()
                raise

    def _staged(self, exchange: "Optional[Exchange]", buffers: "Sequence[Part]") -> "Sequence[Staged]":
        if exchange is None:
            return [buffer.view() if isinstance(buffer, Piece) else buffer for buffer in buffers]
        try:
            return exchange.stage(buffers)  # without the lock: a large copy holds up nobody
        except BaseException:  # Ctrl-C: who sends a frame may rely on it that the connection is closed then
            self.abort()
            raise

    def offer(self, kind: int, number: int, body: bytes) -> bool:
        """Send one small frame if that needs no waiting; whether it was taken.

        Raises:
            OSError: The other side is gone.
        """
        if not self._lock.acquire(False):  # noqa: FBT003 - the lock of _thread takes it by position only
            return False
        try:
            if self._unsent:
                sent = self._send_now(self._unsent)
                self._unsent = self._unsent[sent:]
                if self._unsent:
                    return False
            frame = _HEADER.pack(kind, 0, 0, number, len(body)) + body
            sent = self._send_now(frame)
            if sent == 0:
                return False
            self._unsent = frame[sent:]
            return True
        finally:
            self._lock.release()

    def send_descriptor(self, kind: int, number: int, body: bytes, descriptor: int) -> None:
        """Send one small frame, and an open file with it.

        Raises:
            OSError: The other side is gone, or the system passes no files.
        """
        sendmsg = getattr(self.socket, "sendmsg", None)
        if sendmsg is None:
            message = "this system passes no files"
            raise OSError(message)
        frame = _HEADER.pack(kind, 0, 0, number, len(body)) + body
        with self._lock:
            if self._unsent:
                self._send_all(self._unsent)
                self._unsent = b""
            self._send_all(frame[sendmsg([frame], rights(descriptor)) :])

    def wait_eagerly(self) -> None:
        """Stay awake for a moment for what is to be received, where that helps; see `wetlands_worker.eager`."""
        self._eager = Eager() if helps() else None

    def receive_by(self, receive_into: "Callable[[memoryview], int]") -> None:
        """Receive bytes by that function instead of the socket's own."""
        self._recv_into = receive_into

    def give_back(self) -> None:
        """Give back the leases that ended, if that needs no waiting; the next frame does it otherwise."""
        exchange = self.exchange
        if exchange is None or not exchange.returned:
            return
        returns = exchange.returns()
        try:
            taken = self.offer(RETURNED, 0, returns)
        except OSError:  # the other side is gone
            return
        if not taken:
            exchange.refused(returns)

    def flush(self) -> None:
        """Send what `offer` could only begin."""
        with self._lock:
            if self._unsent:
                self._send_all(self._unsent)
                self._unsent = b""

    def _send_now(self, data: bytes) -> int:
        if not DONTWAIT:  # Windows: small frames fit where select says that there is room
            import select  # noqa: PLC0415 - only needed here, on one platform

            if not select.select((), (self.socket.fileno(),), (), 0)[1]:
                return 0
            return self._send(data)
        try:
            return self._send(data, DONTWAIT)
        except BlockingIOError:
            return 0

    def _send_all(self, data: "Bytes") -> None:
        self.socket.sendall(data)

    def _send_parts(self, header: bytes, body: "Bytes", buffers: "Sequence[Staged]") -> None:
        lengths = b"".join([_length(buffer).to_bytes(8, "little") for buffer in buffers])
        if len(buffers) >= MANY_BUFFERS:
            lengths = len(buffers).to_bytes(8, "little") + lengths
        parts: "List[Bytes]" = [header + lengths, body]
        for buffer in buffers:
            if not isinstance(buffer, memoryview):
                parts.append(buffer.place())
            elif buffer.nbytes:
                parts.append(buffer.cast("B"))
        self._send_all_of(parts)
        for buffer in buffers:
            if not isinstance(buffer, memoryview):
                buffer.sent = True

    def _send_all_of(self, parts: "List[Bytes]") -> None:
        sendmsg = getattr(self.socket, "sendmsg", None)
        if sendmsg is None:  # Windows
            for part in parts:
                self._send_all(part)
            return
        for first in range(0, len(parts), _MAX_PARTS):
            group = parts[first : first + _MAX_PARTS]
            sent = sendmsg(group)
            for part in group:
                length = len(part)
                if sent < length:
                    self._send_all(memoryview(part)[sent:])
                sent = max(0, sent - length)

    # -------------------------------------------------------------- receiving

    def receive(self) -> "Optional[Frame]":
        """The next frame as (kind, task number, body, buffers), or None when the other side is gone.

        Raises:
            BrokenFrameError: What arrived is not a frame.
        """
        while True:
            if self._large is None:
                start = self._start
                available = self._end - start
                if available >= _HEADER_SIZE:
                    kind, _flags, count, number, size = _HEADER.unpack_from(self._buffer, start)
                    first = start + _HEADER_SIZE
                    if not count and size <= available - _HEADER_SIZE:
                        last = first + size
                        if last == self._end:
                            self._start = self._end = 0
                        else:
                            self._start = last
                        if kind == RETURNED and self.exchange is not None:
                            _take_back(self.exchange, self._buffer[first:last])
                            continue
                        return kind, number, self._buffer[first:last], ()
                    if count or size > _CHUNK - _HEADER_SIZE:
                        self._large = LargeFrame(kind, number, size, count, self.exchange, self.limits)
                        self._start = first
                        continue
                if not self._fill():
                    return None
            else:
                frame = self._receive_large(self._large)
                if frame is None:
                    return None
                self._large = None
                return frame

    def has_more(self) -> bool:
        """Whether bytes of another frame came with the last one."""
        return self._end > self._start

    def _fill(self) -> bool:
        if self._start:
            rest = self._end - self._start
            self._view[:rest] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, rest
        got = self._receive_into(self._view[self._end :])
        self._end += got
        self._got.clear()
        return got > 0

    def _receive_into(self, room: memoryview) -> int:
        """Receive up to so many bytes; 0 at the end. The caller clears `_got` when it has noted the number.

        Ctrl-C may arrive together with the bytes, and is raised before a statement can store how many there are. So
        that is done by one call of C code.
        """
        if not self._got:
            try:
                if self._eager is not None:
                    self._eager.receive(self._recv_into, room, self._got)
                if not self._got:
                    self._got.extend(map(self._recv_into, (room,)))
            except (ConnectionError, ValueError):  # reset by a dying peer, or closed on this side
                return 0
        return self._got[0]

    def _receive_large(self, large: "LargeFrame") -> "Optional[Frame]":
        while True:
            room = large.room()
            if room is None:
                return large.frame()
            with room:  # what it is a view of may grow before the next one
                available = self._end - self._start
                if available:
                    taken = min(available, len(room))
                    room[:taken] = self._view[self._start : self._start + taken]
                    self._start += taken
                else:
                    self._start = self._end = 0
                    taken = self._receive_into(room)
            if not taken:
                return None
            large.filled += taken
            self._got.clear()

    # ----------------------------------------------------------------- ending

    def abort(self) -> None:
        """Make both sides see the end, without waiting; safe while another thread receives."""
        try:
            self.socket.shutdown(_socket.SHUT_RDWR)
        except OSError:  # already disconnected
            pass

    def close(self) -> None:
        """Close this end; no thread may still be receiving."""
        self.socket.close()
        self._large = None  # what came of it refers to the shared memory


def receive_now(sock: "Union[socket, _socket.socket]", room: memoryview) -> int:
    """Receive what is there.

    Raises:
        BlockingIOError: Nothing is.
    """
    if not DONTWAIT:  # Windows
        import select  # noqa: PLC0415 - only needed here, on one platform

        if not select.select((sock.fileno(),), (), (), 0)[0]:
            raise BlockingIOError
    return sock.recv_into(room, 0, DONTWAIT)


def _take_back(exchange: "Exchange", returns: bytearray) -> None:
    if len(returns) % PLACE_SIZE:
        message = f"{len(returns)} bytes of leases came back"
        raise BrokenFrameError(message)
    exchange.take_back(returns)


def _length(buffer: "Staged") -> int:
    return buffer.nbytes if isinstance(buffer, memoryview) else buffer.announced


def _returned(places: bytes) -> bytes:
    return _HEADER.pack(RETURNED, 0, 0, 0, len(places)) + places
