"""A door: where a process listens for others of the same user that have its key, and how they reach it.

It is a Unix socket in a folder that only this user may enter, or a port of the loopback interface where there are no
such sockets, their path is too long, or a port was asked for. Whoever comes has to prove the key (`handshake`) before
anything else is read. Those who have not yet are few at a time: of more, the one that has been there longest is sent
away, so nobody can keep others out by being slow.
"""

import errno
import os
import selectors
import socket
import stat
import sys
import threading
from time import monotonic, sleep

from wetlands_worker.handshake import ClosedError, HandshakeError, admit, check_key, introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Optional, Tuple, Union

    Handle = Callable[[socket.socket, bytes], None]

__all__ = ["MOST_STRANGERS", "Door", "reach"]

MOST_STRANGERS = 32
"""So many at most are asked for their proof at a time."""

HANDSHAKE_SECONDS = 5.0
_LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_FULL_PAUSE_SECONDS = 0.05
_JOIN_SECONDS = 5.0
# How long a client waits before it tries again that was sent away because there were too many.
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.2
# What a system says when there can be no Unix socket in a folder, but perhaps elsewhere.
_NO_UNIX = {errno.ENAMETOOLONG, errno.EOPNOTSUPP, errno.EPERM, errno.EAFNOSUPPORT, errno.EINVAL, errno.ENOSYS}
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Door:
    """Where this process listens. `open` makes one, `serve` answers, `close` ends it.

    Attributes:
        address: Where it is: ``unix:/path`` or ``tcp:127.0.0.1:port``.
    """

    def __init__(self, listener: "socket.socket", path: "Optional[str]") -> None:
        self._listener = listener
        self._path = path
        self._owner = os.getpid()
        self._wake, self._woken = socket.socketpair()
        self._lock = threading.Lock()
        self._strangers: "Dict[socket.socket, threading.Thread]" = {}  # the one that has been there longest first
        self._closed = False
        self._thread: "Optional[threading.Thread]" = None
        self.address = f"unix:{path}" if path is not None else f"tcp:{_LOOPBACK}:{listener.getsockname()[1]}"

    @classmethod
    def open(cls, folder: str, name: str, tcp: bool) -> "Door":  # noqa: FBT001 - the signature was agreed on
        """Listen from now on; who comes waits until `serve`.

        Args:
            folder: Where the socket lies; made if need be, for this user alone.
            name: How it is called there; nothing else may have this name.
            tcp: Listen on a port instead.

        Raises:
            OSError: The folder is not this user's alone, the name is taken, or the system does not let us listen.
        """
        listener, path = None, None
        if not tcp and hasattr(socket, "AF_UNIX"):
            path = os.path.join(_private(folder), name)
            listener = _listen_at(path)
        if listener is None:
            listener, path = _listen_on_port(), None
        listener.settimeout(0)
        return cls(listener, path)

    def serve(self, key: bytes, handle: "Handle", seconds: float = HANDSHAKE_SECONDS) -> None:
        """Admit whoever has the key, from a thread of its own; returns at once.

        Args:
            key: What clients have to know.
            handle: Called with the connection and its purpose, on a thread for each client. It owns the connection from
                then on and closes it; an error of it goes to ``threading.excepthook``, and the connection is closed.
            seconds: How long a client may take to prove that it has the key.
        """
        check_key(key)
        self._thread = threading.Thread(
            target=self._accept, args=(key, handle, seconds), name="wetlands-door", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no longer, and send away whoever is not yet admitted; connections that were handed over stay.

        In a forked child this closes the copies of the child; the door of its parent stays open.
        """
        if os.getpid() == self._owner:
            with self._lock:
                if self._closed:
                    return
                self._closed = True
                strangers = dict(self._strangers)
                self._strangers.clear()
            self._end(strangers)
        for sock in (self._listener, self._wake, self._woken):
            sock.close()

    def _end(self, strangers: "Dict[socket.socket, threading.Thread]") -> None:
        if self._path is not None:
            try:
                os.unlink(self._path)
            except OSError:  # somebody has removed it
                pass
        self._wake.send(b"x")
        for sock in strangers:
            _cut(sock)
        for thread in (self._thread, *strangers.values()):
            if thread is not None and thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def _accept(self, key: bytes, handle: "Handle", seconds: float) -> None:
        waiting = getattr(selectors, "PollSelector", selectors.SelectSelector)()
        waiting.register(self._listener, selectors.EVENT_READ)
        waiting.register(self._woken, selectors.EVENT_READ)
        while not self._closed:
            waiting.select()
            try:
                sock, _ = self._listener.accept()
            except OSError as error:  # the client is gone again, we end, or there is no room
                if error.errno in _FULL and not self._closed:
                    self._make_room(len(self._strangers) - 1)
                    sleep(_FULL_PAUSE_SECONDS)
                continue
            self._make_room(MOST_STRANGERS - 1)
            self._meet(sock, (key, handle, seconds))

    def _make_room(self, most: int) -> None:
        """Send those away that have been here longest, until so many are left; the threads of the others have ended."""
        while True:
            with self._lock:
                if len(self._strangers) <= max(0, most):
                    return
                sock, thread = next(iter(self._strangers.items()))
                del self._strangers[sock]
            _cut(sock)
            thread.join(_JOIN_SECONDS)

    def _meet(self, sock: "socket.socket", terms: "Tuple[bytes, Handle, float]") -> None:
        thread = threading.Thread(target=self._admit, args=(sock, *terms), name="wetlands-door-client", daemon=True)
        with self._lock:
            closed = self._closed
            if not closed:
                self._strangers[sock] = thread
        try:
            if not closed:
                thread.start()
                return
        except RuntimeError:  # the system allows no more threads
            with self._lock:
                self._strangers.pop(sock, None)
        sock.close()

    def _admit(self, sock: "socket.socket", key: bytes, handle: "Handle", seconds: float) -> None:
        try:
            _send_at_once(sock)
            _same_user(sock)
            purpose = admit(sock, key, seconds, lambda: self._is_known(sock))
        except (HandshakeError, OSError):
            self._is_known(sock)
            sock.close()
            return
        try:
            handle(sock, purpose)
        except BaseException:
            sock.close()
            raise

    def _is_known(self, sock: "socket.socket") -> bool:
        """Whether a client is no stranger any more from now on, and was not sent away before."""
        with self._lock:
            return self._strangers.pop(sock, None) is not None


def reach(address: str, key: bytes, purpose: bytes, seconds: float) -> "socket.socket":
    """Connect to a door, and prove to each other that both have the key.

    Args:
        address: As `Door.address` has it.
        key: What both sides know.
        purpose: What the connection is for, up to 255 bytes.
        seconds: How long all of it may take.

    Returns:
        A connected socket that waits without an end.

    Raises:
        VersionSkewError: The other side speaks another version.
        HandshakeError: Nobody listens there, it is the socket of another user, or who listens did not prove the key.
    """
    deadline = monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return _reach_once(address, key, purpose, deadline - monotonic())
        except ClosedError:  # there may be too many at its door
            if monotonic() + pause >= deadline:
                raise
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _reach_once(address: str, key: bytes, purpose: bytes, seconds: float) -> "socket.socket":
    deadline = monotonic() + seconds
    sock = _connect(address, max(seconds, 0.001))
    try:
        introduce(sock, key, purpose, deadline - monotonic())
    except BaseException:
        sock.close()
        raise
    return sock


def _connect(address: str, seconds: float) -> "socket.socket":
    family, where = _parse(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        if isinstance(where, str):
            _ours(where)
        sock.connect(where)
        _same_user(sock)
        _send_at_once(sock)
    except BlockingIOError as error:  # its queue is full
        sock.close()
        raise ClosedError(f"too many wait at {address}") from error
    except OSError as error:
        sock.close()
        late = error.errno is None or isinstance(error, TimeoutError)
        problem = f"no connection within {seconds:.3g} s" if late else error.strerror or str(error)
        raise HandshakeError(f"nobody can be reached at {address}: {problem}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _parse(address: str) -> "Tuple[int, Union[str, Tuple[str, int]]]":
    """The family of an address, and what `connect` takes."""
    kind, _, where = address.partition(":")
    family = getattr(socket, "AF_UNIX", None)
    if kind == "unix" and where and family is not None:
        return int(family), where
    host, _, port = where.rpartition(":")
    if kind == "tcp" and host == _LOOPBACK and port.isdigit() and 0 < int(port) < 1 << 16:
        return int(socket.AF_INET), (host, int(port))
    raise HandshakeError(f"{address!r} is no address on this machine")


def _private(folder: str) -> str:
    """Make a folder that only this user may enter, if need be; the others above it exist."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    found = os.stat(folder)
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "the folder belongs to another user", folder)
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(folder, 0o700)
    return folder


def _listen_at(path: str) -> "Optional[socket.socket]":
    """A Unix socket there, or None where that cannot be."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        # "AF_UNIX path too long" is an error of Python, without a number
        if error.errno is None or error.errno in _NO_UNIX:
            return None
        raise OSError(error.errno, os.strerror(error.errno), path) from error
    return listener


def _listen_on_port() -> "socket.socket":
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:  # Windows, where others could listen on the same port otherwise
            listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        listener.bind((_LOOPBACK, 0))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _ours(path: str) -> None:
    """Refuse the socket of another user, who could listen there to what we say."""
    if os.stat(path).st_uid != os.geteuid():
        raise HandshakeError(f"the socket {path} belongs to another user")


def _same_user(sock: "socket.socket") -> None:
    """Refuse a process of another user at the other end, where the system tells who it is (Linux)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None or sock.family == socket.AF_INET:
        return
    credentials = sock.getsockopt(socket.SOL_SOCKET, option, 12)  # pid, uid and gid, each an int: unix(7)
    user = int.from_bytes(credentials[4:8], sys.byteorder)
    if user != os.geteuid():
        raise HandshakeError("the process at the other end belongs to another user")


def _send_at_once(sock: "socket.socket") -> None:
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(sock: "socket.socket") -> None:
    """Have its thread see the end."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has seen it
        pass
