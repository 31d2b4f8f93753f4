"""Doors are open to whoever finds them: nobody without the key gets past, or keeps others out, or is waited for."""

from __future__ import annotations

import os
import pickle
import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from houses import KEY, SHORT, House, closing_house, is_sent_away, short_folder
from pools import DEADLINE, eventually, in_thread
from wetlands_worker import doors
from wetlands_worker.doors import MOST_STRANGERS, reach
from wetlands_worker.frames import Connection
from wetlands_worker.handshake import HandshakeError
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = b"WETLANDS" + PROTOCOL_VERSION.to_bytes(4, "little")
HELLO = PREFIX + b"client\0\0" + bytes(32)
NOBODY = 65534


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.fixture(params=["unix", "tcp"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with short_folder() as folder, closing_house(House(folder, tcp=request.param == "tcp")) as house:
        assert house.door.address.startswith(request.param)
        yield house


GARBAGE = {
    "nothing, and it closes": b"",
    "a part of the greeting": HELLO[:5],
    "the greeting without its last byte": HELLO[:-1],
    "zeros": bytes(4096),
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another magic": b"W" * len(HELLO),
    "another version": b"WETLANDS" + (99).to_bytes(4, "little") + bytes(40),
    "the largest version": b"WETLANDS" + b"\xff" * 44,
    "the role of a server": PREFIX + b"server\0\0" + bytes(32),
    "a greeting and no proof": HELLO,
    "a part of a proof": HELLO + bytes(100),
    "a wrong proof": HELLO + b"\x04look" + bytes(251) + bytes(32),
    "a wrong proof and more": HELLO + b"\xff" * (256 + 32) + b"more" * 10_000,
    "a frame of the largest size": b"\x01\0\xff\xff" + b"\xff" * 12,
}


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_is_sent_away_and_others_are_served_meanwhile(house: House, said: str) -> None:
    with house.knock() as sock:
        with suppress(ConnectionError):
            sock.sendall(GARBAGE[said])
        house.serves()
        with suppress(OSError):  # it may have been reset
            sock.shutdown(socket.SHUT_WR)
        assert is_sent_away(sock)

    assert [b"good"] == house.admitted


def test_random_bytes_and_cut_or_changed_greetings_are_sent_away(house: House) -> None:
    chance = random.Random(7)  # noqa: S311 - the same cases in each run
    good = HELLO + b"\x04look" + bytes(251 + 32)
    for _ in range(200):
        said = bytearray(good[: chance.randrange(len(good))])
        for _ in range(chance.randrange(4)):
            if said:
                said[chance.randrange(len(said))] = chance.randrange(256)
        if chance.random() < 0.3:
            said = bytearray(chance.randbytes(chance.randrange(500)))
        with house.knock() as sock:
            with suppress(OSError):
                sock.sendall(said)
                sock.shutdown(socket.SHUT_WR)
            assert is_sent_away(sock)
    house.serves()

    assert [b"good"] == house.admitted


def test_nothing_is_unpickled_before_the_proof(house: House, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    frame = b"\x02\0\0\0" + bytes(4) + len(bomb).to_bytes(8, "little") + bomb
    for said in (bomb, frame, HELLO + bomb, HELLO + frame, HELLO + bytes([len(bomb)]) + bomb.ljust(255) + bytes(32)):
        with house.knock() as sock:
            with suppress(OSError):
                sock.sendall(said)
                sock.shutdown(socket.SHUT_WR)
            assert is_sent_away(sock)

    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)
    assert (tmp_path / "exploded").exists(), "the bomb works"


class Wire:
    """Listens between a client and a door, and keeps what passes."""

    def __init__(self, house: House, folder: Path) -> None:
        self.said: list[bytes] = []
        self.answered: list[bytes] = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(folder / "wire"))
        self.listener.listen()
        self.address = f"unix:{folder / 'wire'}"
        self.relaying = in_thread(lambda: self._relay(house))

    def _relay(self, house: House) -> None:
        client, _ = self.listener.accept()
        with client, house.knock() as server:
            back = in_thread(lambda: self._pump(server, client, self.answered))
            self._pump(client, server, self.said)
            back()

    def _pump(self, source: socket.socket, sink: socket.socket, kept: list[bytes]) -> None:
        with suppress(OSError):
            while piece := source.recv(4096):
                kept.append(piece)
                sink.sendall(piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def recorded(house: House) -> tuple[bytes, bytes]:
    """What the two sides of a good session said."""
    with short_folder() as folder:
        wire = Wire(house, folder)
        with reach(wire.address, KEY, b"recorded", DEADLINE):
            pass
        wire.relaying()
        wire.listener.close()
    assert [b"recorded"] == house.admitted
    return b"".join(wire.said), b"".join(wire.answered)


def test_a_recorded_session_is_not_admitted_again(house: House, recorded: tuple[bytes, bytes]) -> None:
    with house.knock() as sock:
        sock.sendall(recorded[0])
        assert is_sent_away(sock)
    house.serves()

    assert [b"recorded", b"good"] == house.admitted


@contextmanager
def impostor(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of somebody who does that with each client."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / "impostor"))
        listener.listen()
        listener.settimeout(None)  # shutting it down wakes who waits for clients without an end

        def serve() -> None:
            with suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    with sock, suppress(OSError):
                        act(sock)

        serving = in_thread(serve)
        yield f"unix:{folder / 'impostor'}"
        listener.shutdown(socket.SHUT_RDWR)
        serving()


def test_a_recorded_server_is_not_believed(house: House, recorded: tuple[bytes, bytes]) -> None:
    with (
        impostor(lambda sock: sock.sendall(recorded[1])) as address,
        pytest.raises(HandshakeError, match="another key"),
    ):
        reach(address, KEY, b"secret purpose", 2.0)


def test_reflected_messages_are_not_believed(house: House) -> None:
    def reflect(sock: socket.socket) -> None:
        while piece := sock.recv(4096):
            sock.sendall(piece)

    with impostor(reflect) as address, pytest.raises(HandshakeError, match="come back"):
        reach(address, KEY, b"look", 2.0)

    with house.knock() as sock:  # the other way round: the door's own messages, as if they were a client's
        sock.sendall(HELLO)
        answer = sock.recv(len(HELLO) + 32)
        sock.sendall((b"\x04look" + answer[-32:]).ljust(256, b"\0") + answer[-32:])
        assert is_sent_away(sock)
    assert [] == house.admitted


def test_what_a_client_says_to_an_impostor_tells_nothing(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        heard.append(sock.recv(4096))
        sock.sendall(PREFIX + b"server\0\0" + bytes(64))
        heard.append(sock.recv(4096))

    with impostor(listen) as address, pytest.raises(HandshakeError, match="another key"):
        reach(address, KEY, b"secret purpose", 2.0)
    assert [len(HELLO), 0] == [len(words) for words in heard]


def test_a_slow_drip_is_sent_away_in_time(house: House) -> None:
    with house.knock() as sock:
        began = time.monotonic()
        with suppress(ConnectionError):
            for byte in HELLO + bytes(288):
                sock.sendall(bytes([byte]))
                time.sleep(0.01)
                if time.monotonic() - began > 10 * SHORT:
                    break
        assert time.monotonic() - began < 10 * SHORT
        assert is_sent_away(sock)
    house.serves()


def test_a_server_that_drips_or_is_silent_is_not_waited_for(house: House) -> None:
    def drip(sock: socket.socket) -> None:
        for byte in PREFIX + b"server\0\0" + bytes(64):
            sock.sendall(bytes([byte]))
            time.sleep(0.05)

    for act in (drip, lambda sock: sock.recv(4096) and sock.recv(4096)):
        with impostor(act) as address:
            began = time.monotonic()
            with pytest.raises(HandshakeError, match="did not answer within"):
                reach(address, KEY, b"look", 0.3)
            assert time.monotonic() - began < 3


def test_silent_clients_keep_nobody_out(house: House) -> None:
    with ExitStack() as silent:
        for _ in range(3 * MOST_STRANGERS):
            silent.enter_context(house.knock())
        house.serves()
        eventually(lambda: _clients() <= MOST_STRANGERS, "there are too many threads")


def test_a_flood_of_connections_keeps_nobody_out() -> None:
    with short_folder() as folder, closing_house(House(folder, tcp=False, seconds=60)) as house:
        stop = threading.Event()
        most, knocks = [0], [0]

        def flood() -> None:
            held: list[socket.socket] = []
            while not stop.is_set():
                held.append(house.knock())
                knocks[0] += 1
                if len(held) > 250:  # more than wait in its queue
                    held.pop(0).close()
                most[0] = max(most[0], _clients())
            for sock in held:
                sock.close()

        flooding = in_thread(flood)
        try:
            eventually(lambda: knocks[0] > 10 * MOST_STRANGERS, "there is no flood")
            for _ in range(3):
                house.serves()
        finally:
            stop.set()
            flooding()
        assert MOST_STRANGERS // 2 < most[0] <= MOST_STRANGERS + 2  # one that was admitted, and one that is leaving


def _clients() -> int:
    return sum(thread.name == "wetlands-door-client" for thread in threading.enumerate())


def test_a_door_that_runs_out_of_descriptors_opens_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    accept, failures = socket.socket.accept, iter([OSError(24, "Too many open files")] * 3)

    def fail_first(listener: socket.socket) -> object:
        for error in failures:
            raise error
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", fail_first)
    house.serves()


def test_a_default_timeout_of_the_program_cuts_nobody_off() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.05)
    try:
        for tcp in (False, True):
            with (
                short_folder() as folder,
                closing_house(House(folder, tcp=tcp, seconds=DEADLINE)) as house,
                reach(house.door.address, KEY, b"good", DEADLINE) as sock,
            ):
                assert sock.gettimeout() is None
                time.sleep(0.15)
                connection = Connection(sock)
                connection.send(1, 2, b"later")
                assert (1, 2, b"later", ()) == connection.receive()
    finally:
        socket.setdefaulttimeout(before)


LISTENS_AS_NOBODY = """
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
os.chdir(sys.argv[1])
os.setuid(int(sys.argv[2]))
sock.bind("theirs")
sock.listen()
print("listens", flush=True)
client, _ = sock.accept()
print(len(client.recv(4096)), flush=True)
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize("owner", ["the socket", "the process"])
def test_the_socket_of_another_user_is_refused_and_nothing_is_said_to_it(owner: str) -> None:
    with short_folder() as folder:
        folder.chmod(0o777)
        path = folder / "theirs"
        command = [sys.executable, "-I", "-S", "-c", LISTENS_AS_NOBODY, str(folder), str(NOBODY)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert "listens\n" == process.stdout.readline()
                if owner == "the process":  # as if the file had been exchanged after it was looked at
                    os.chown(path, os.geteuid(), -1)
                assert (owner == "the process") == (path.stat().st_uid == os.geteuid())
                with pytest.raises(HandshakeError, match="belongs to another user"):
                    reach(f"unix:{path}", KEY, b"secret purpose", DEADLINE)
            finally:
                process.kill()
            assert process.stdout.read() in {"", "0\n"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes somebody else")
def test_a_client_of_another_user_is_refused_although_it_has_the_key() -> None:
    asks = (
        "import os, socket, sys; sys.path.insert(0, sys.argv[3])\n"
        "from wetlands_worker.handshake import ClosedError, introduce\n"
        "sock = socket.socket(socket.AF_UNIX); os.chdir(sys.argv[1]); os.setuid(int(sys.argv[2]))\n"
        "sock.connect('door')\n"
        "try: introduce(sock, bytes(range(32)), b'look', 9)\n"
        "except ClosedError: print('sent away')"
    )
    source = Path(doors.__file__).parents[1]
    with short_folder() as folder, closing_house(House(folder, tcp=False)) as house:
        folder.chmod(0o777)
        (folder / "door").chmod(0o777)
        command = [sys.executable, "-I", "-S", "-B", "-c", asks, str(folder), str(NOBODY), str(source)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

        assert "sent away\n" == ended.stdout
        assert [] == house.admitted
        house.serves()
