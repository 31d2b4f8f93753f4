"""What each side of a handshake relies on, over a pair of sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, in_thread
from wetlands_worker import handshake
from wetlands_worker.handshake import ClosedError, HandshakeError, VersionSkewError, admit, introduce
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(range(32))
PREFIX = b"WETLANDS" + PROTOCOL_VERSION.to_bytes(4, "little")
LATER = b"WETLANDS" + (PROTOCOL_VERSION + 1).to_bytes(4, "little")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    for end in (client, server):
        end.settimeout(DEADLINE)
    yield client, server
    client.close()
    server.close()


def everything(sock: socket.socket) -> bytes:
    """What is still to be read, until the other side closes."""
    return b"".join(iter(lambda: sock.recv(4096), b""))


@pytest.mark.parametrize("purpose", [b"", b"look", bytes(255), b"\0\xff" * 100])
def test_both_sides_agree_and_the_server_learns_the_purpose(
    ends: tuple[socket.socket, socket.socket], purpose: bytes
) -> None:
    client, server = ends
    admitted = in_thread(lambda: admit(server, KEY, DEADLINE))
    introduce(client, KEY, purpose, DEADLINE)

    assert purpose == admitted()
    assert (None, None) == (client.gettimeout(), server.gettimeout())


def test_what_follows_the_handshake_is_left_for_the_frames(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends

    def serve() -> None:
        admit(server, KEY, DEADLINE)
        server.sendall(b"from the server")

    served = in_thread(serve)
    introduce(client, KEY, b"look", DEADLINE)
    client.sendall(b"from the client")
    served()

    assert b"from the client" == server.recv(100)
    assert b"from the server" == client.recv(100)


def test_another_key_is_refused_and_the_client_says_nothing_more(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    admitting = in_thread(lambda: admit(server, KEY, DEADLINE))
    with pytest.raises(HandshakeError, match="another key"):
        introduce(client, bytes(32), b"secret purpose", DEADLINE)
    client.close()

    with pytest.raises(ClosedError):
        admitting()


def test_a_server_refuses_a_client_with_another_key_that_believes_everything(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    admitting = in_thread(lambda: admit(server, KEY, DEADLINE))
    client.sendall(PREFIX + b"client\0\0" + bytes(32))
    client.sendall(bytes(256) + bytes(32))

    with pytest.raises(HandshakeError, match="another key"):
        admitting()


def test_both_sides_name_both_versions(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    admitting = in_thread(lambda: admit(server, KEY, DEADLINE))
    client.sendall(LATER + b"whatever a later version says")

    assert PREFIX == everything(client)
    client.close()
    with pytest.raises(
        VersionSkewError, match=f"version {PROTOCOL_VERSION + 1} .*version {PROTOCOL_VERSION}"
    ) as caught:
        admitting()
    assert (PROTOCOL_VERSION, PROTOCOL_VERSION + 1) == (caught.value.ours, caught.value.theirs)


def test_a_client_notices_another_version_before_anything_else(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    server.sendall(LATER)

    with pytest.raises(VersionSkewError) as caught:
        introduce(client, KEY, b"look", DEADLINE)
    assert (PROTOCOL_VERSION, PROTOCOL_VERSION + 1) == (caught.value.ours, caught.value.theirs)


def test_a_newer_server_and_an_older_client_both_learn_of_it(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = ends
    client.sendall(LATER + bytes(40))
    with pytest.raises(VersionSkewError) as seen:
        admit(server, KEY, 0.01)  # until its deadline it waits for the client to close
    monkeypatch.setattr(handshake, "PROTOCOL_VERSION", PROTOCOL_VERSION + 1)
    with pytest.raises(VersionSkewError) as told:
        introduce(client, KEY, b"look", DEADLINE)

    assert (PROTOCOL_VERSION, PROTOCOL_VERSION + 1) == (seen.value.ours, seen.value.theirs)
    assert (PROTOCOL_VERSION + 1, PROTOCOL_VERSION) == (told.value.ours, told.value.theirs)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n", bytes(12)])
def test_what_is_no_process_of_wetlands_is_called_so(ends: tuple[socket.socket, socket.socket], said: bytes) -> None:
    client, server = ends
    server.sendall(said)

    with pytest.raises(HandshakeError, match="no process of wetlands"):
        introduce(client, KEY, b"look", DEADLINE)


def test_a_client_that_gets_its_own_message_back_notices_it(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    introducing = in_thread(lambda: introduce(client, KEY, b"look", DEADLINE))
    server.sendall(server.recv(4096))

    with pytest.raises(HandshakeError, match="come back"):
        introducing()


def test_a_side_that_closes_is_not_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    server.close()

    with pytest.raises(ClosedError, match="closed"):
        introduce(client, KEY, b"look", DEADLINE)


def test_a_proven_server_that_closes_has_not_admitted_us(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = ends
    monkeypatch.setattr(handshake._Line, "end", lambda line: None)

    def prove_and_close() -> None:
        line = handshake._Line(server, DEADLINE)
        theirs = line.greeting(b"client\0\0")
        proof = handshake._proof(KEY, b"server", theirs, bytes(32))
        line.send(PREFIX + b"server\0\0" + bytes(32) + proof)
        line.receive(256 + 32)
        server.close()

    proving = in_thread(prove_and_close)
    with pytest.raises(HandshakeError, match="did not admit us"):
        introduce(client, KEY, b"look", DEADLINE)
    proving()


def test_who_has_proven_the_key_and_finds_no_room_is_not_told_that_it_is_admitted(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends

    def send_away() -> None:
        try:
            admit(server, KEY, DEADLINE, lambda: False)
        finally:
            server.close()

    admitting = in_thread(send_away)
    with pytest.raises(ClosedError, match="did not admit us"):
        introduce(client, KEY, b"look", DEADLINE)
    with pytest.raises(HandshakeError, match="no room"):
        admitting()


class SlowSocket:
    """A socket from which one byte comes in each second of a clock that stands still otherwise."""

    def __init__(self, sent: bytes) -> None:
        self.left = sent
        self.now = 0.0
        self.waits: list[float] = []

    def settimeout(self, seconds: float) -> None:
        self.waits.append(seconds)

    def recv(self, size: int) -> bytes:
        self.now += 1.0
        piece, self.left = self.left[:1], self.left[1:]
        return piece

    def sendall(self, message: bytes) -> None:
        pass


def test_a_slow_drip_does_not_stretch_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowSocket(PREFIX + b"client\0\0" + bytes(32 + 288))
    monkeypatch.setattr(handshake, "monotonic", lambda: slow.now)

    with pytest.raises(HandshakeError, match="did not answer within 5 s"):
        admit(slow, KEY, 5.0)  # type: ignore[arg-type]  # as much of a socket as is used
    assert [5.0, 4.0, 3.0, 2.0, 1.0] == slow.waits


def test_a_silent_side_is_waited_for_until_the_deadline(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(HandshakeError, match=r"did not answer within 0\.01 s"):
        introduce(ends[0], KEY, b"look", 0.01)


@pytest.mark.parametrize("key", [b"", b"fifteen bytes.."])
def test_a_key_that_proves_nothing_is_refused_before_anything_is_sent(
    ends: tuple[socket.socket, socket.socket], key: bytes
) -> None:
    with pytest.raises(ValueError, match="16 or more"):
        introduce(ends[0], key, b"look", DEADLINE)
    with pytest.raises(ValueError, match="16 or more"):
        admit(ends[1], key, DEADLINE)


def test_a_purpose_that_does_not_fit_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(ValueError, match="255"):
        introduce(ends[0], KEY, bytes(256), DEADLINE)
