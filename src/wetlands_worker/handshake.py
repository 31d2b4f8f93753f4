"""Two processes prove to each other that they have the same key, before anything else is read from either.

```
client -> server   magic, version, "client", nonce
server -> client   magic, version, "server", nonce, proof
client -> server   length of the purpose, purpose and padding, proof
server -> client   proof
```

Each message has one length, and the first two begin with the same 12 bytes in every version of the protocol: so
different versions notice each other before anything else. A proof is an HMAC-SHA256 (RFC 2104) over what it proves,
both versions, both nonces and the purpose; so none fits another connection, another direction or another purpose. The
server proves itself first, and a client says nothing more to one that has not. Nothing here is unpickled.

Limits: what follows is neither encrypted nor signed. Whoever can change what passes between two processes of this
machine can change that.
"""

import hmac
import os
from _socket import SHUT_WR
from struct import Struct
from time import monotonic

from wetlands_worker.messages import PROTOCOL_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import Callable, Optional

__all__ = ["ClosedError", "HandshakeError", "VersionSkewError", "admit", "introduce"]

LONGEST_PURPOSE = 255
SHORTEST_KEY = 16

_MAGIC = b"WETLANDS"
_PREFIX = Struct("<8sI")
_CLIENT = b"client\0\0"
_SERVER = b"server\0\0"
_NONCE_SIZE = 32
_PROOF_SIZE = 32
_MOST_UNREAD = 1024  # bytes of the greeting of another version
_PURPOSE_SIZE = 1 + LONGEST_PURPOSE
_OTHER_KEY = "the other side has another key: it belongs to another instance, or the key was made anew since it started"


class HandshakeError(Exception):
    """The other side did not prove that it is the one that was meant; nothing it says is to be believed."""


class ClosedError(HandshakeError):
    """The other side closed the connection before we were admitted: it has no room, or is ending."""


class VersionSkewError(HandshakeError):
    """The other side speaks another version of the protocol.

    Attributes:
        ours: The version of this side.
        theirs: That of the other one, as it says without proof.
    """

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(ours, theirs)
        self.ours = ours
        self.theirs = theirs

    def __str__(self) -> str:
        return (
            f"the other side speaks version {self.theirs} of the protocol and this one version {self.ours}: "
            "use the same release of wetlands on both sides"
        )


def introduce(sock: "socket", key: bytes, purpose: bytes, seconds: float) -> None:
    """Prove to a server that we have its key, after it has proven that to us.

    On return the server has admitted us, nothing that follows has been read, and the socket waits without an end. After
    an error it is of no use any more.

    Args:
        sock: A connected stream socket.
        key: What both sides know, at least 16 bytes.
        purpose: What the connection is for, up to 255 bytes; the server is told.
        seconds: How long all of it may take.

    Raises:
        VersionSkewError: The other side speaks another version.
        HandshakeError: It has another key, is no process of wetlands, closed, or did not answer in time.
    """
    check_key(key)
    if len(purpose) > LONGEST_PURPOSE:
        message = f"a purpose of {len(purpose)} bytes is too long: it may have {LONGEST_PURPOSE}"
        raise ValueError(message)
    line = _Line(sock, seconds)
    ours = os.urandom(_NONCE_SIZE)
    line.send(_PREFIX.pack(_MAGIC, PROTOCOL_VERSION) + _CLIENT + ours)
    theirs = line.greeting(_SERVER)
    line.expect(_proof(key, b"server", ours, theirs))
    line.proven = True
    line.send(
        bytes([len(purpose)]) + purpose.ljust(LONGEST_PURPOSE, b"\0") + _proof(key, b"client", ours, theirs, purpose)
    )
    line.expect(_proof(key, b"admitted", ours, theirs, purpose))
    line.end()


def admit(sock: "socket", key: bytes, seconds: float, has_room: "Optional[Callable[[], bool]]" = None) -> bytes:
    """Have a client prove that it has our key, after we have proven that to it.

    On return nothing that follows has been read, and the socket waits without an end. After an error it is of no use
    any more.

    Args:
        sock: A connected stream socket.
        key: What both sides know, at least 16 bytes.
        seconds: How long all of it may take, however slowly the client sends.
        has_room: Asked once the client has proven the key, and before it is told that it is admitted.

    Returns:
        What the client wants the connection for.

    Raises:
        VersionSkewError: The other side speaks another version.
        HandshakeError: It has another key, is no process of wetlands, closed, or did not answer in time.
    """
    check_key(key)
    line = _Line(sock, seconds)
    try:
        theirs = line.greeting(_CLIENT)
    except VersionSkewError:
        line.refuse(_PREFIX.pack(_MAGIC, PROTOCOL_VERSION))  # so the other side can name both versions too
        raise
    ours = os.urandom(_NONCE_SIZE)
    line.send(_PREFIX.pack(_MAGIC, PROTOCOL_VERSION) + _SERVER + ours + _proof(key, b"server", theirs, ours))
    told = line.receive(_PURPOSE_SIZE)
    purpose = told[1 : 1 + told[0]]
    line.expect(_proof(key, b"client", theirs, ours, purpose))
    if has_room is not None and not has_room():
        message = "there was no room for the client any more"
        raise HandshakeError(message)
    line.send(_proof(key, b"admitted", theirs, ours, purpose))
    line.end()
    return purpose


def check_key(key: bytes) -> None:
    """Refuse a key that somebody could guess.

    Raises:
        ValueError: It is too short.
    """
    if len(key) < SHORTEST_KEY:
        message = f"a key of {len(key)} bytes proves nothing: it needs {SHORTEST_KEY} or more"
        raise ValueError(message)


def _proof(key: bytes, role: bytes, client: bytes, server: bytes, purpose: bytes = b"") -> bytes:
    """Each part has one length, but for the last."""
    versions = _PREFIX.pack(_MAGIC, PROTOCOL_VERSION)  # both sides have the same one, or do not get here
    return hmac.digest(key, versions + versions + role.ljust(8, b"\0") + client + server + purpose, "sha256")


class _Line:
    """A socket on which the whole exchange has one deadline, however many pieces it comes in."""

    def __init__(self, sock: "socket", seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._deadline = monotonic() + seconds
        self.proven = False

    def greeting(self, role: bytes) -> bytes:
        """The nonce of the other side, which says that it has this role and speaks our version."""
        magic, version = _PREFIX.unpack(self.receive(_PREFIX.size))
        if magic != _MAGIC:
            message = "the other side is no process of wetlands"
            raise HandshakeError(message)
        if version != PROTOCOL_VERSION:
            raise VersionSkewError(PROTOCOL_VERSION, version)
        if self.receive(len(role)) != role:
            message = "the other side has our own role: what was sent has come back"
            raise HandshakeError(message)
        return self.receive(_NONCE_SIZE)

    def expect(self, proof: bytes) -> None:
        """Receive what only somebody with the key can have sent."""
        if not hmac.compare_digest(proof, self.receive(_PROOF_SIZE)):
            raise HandshakeError(_OTHER_KEY)

    def receive(self, size: int) -> bytes:
        """So many bytes, and never one more: what follows belongs to the frames."""
        got = b""
        while len(got) < size:
            try:
                self._hurry()
                piece = self._sock.recv(size - len(got))
            except OSError as error:
                raise self._failed(error) from error
            if not piece:
                raise self._closed()
            got += piece
        return got

    def send(self, message: bytes) -> None:
        """Send all of a message; a server that refuses a client has closed by then."""
        try:
            self._hurry()
            self._sock.sendall(message)
        except OSError as error:
            raise self._failed(error) from error

    def refuse(self, message: bytes) -> None:
        """Send a last message, and wait until the other side has closed.

        Who closes with something unread resets the connection on some systems, and the message is lost.
        """
        try:
            self.send(message)
            self._sock.shutdown(SHUT_WR)
            for _ in range(_MOST_UNREAD):
                self.receive(1)
        except (HandshakeError, OSError):  # it has closed, or takes too long
            pass

    def end(self) -> None:
        """Let the socket wait without an end, whatever the program has set as default."""
        try:
            self._sock.settimeout(None)
        except OSError as error:  # closed by another thread
            raise self._failed(error) from error

    def _hurry(self) -> None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)

    def _failed(self, error: OSError) -> HandshakeError:
        # Before Python 3.10 the time-out of a socket is no TimeoutError, and has no number.
        if isinstance(error, TimeoutError) or error.errno is None:
            return HandshakeError(f"the other side did not answer within {self._seconds:.3g} s")
        if isinstance(error, ConnectionError):
            return self._closed()
        return HandshakeError(f"the connection failed: {error}")

    def _closed(self) -> HandshakeError:
        if self.proven:
            return ClosedError("the other side did not admit us: it has no room, or is ending")
        return ClosedError(
            "the other side closed the connection: it has no room, is ending, or is no process of wetlands"
        )
