"""How a door begins and ends, and what it leaves to those behind it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from houses import KEY, House, closing_house, is_sent_away, short_folder
from pools import DEADLINE, eventually
from wetlands_worker.doors import Door, reach
from wetlands_worker.frames import Connection
from wetlands_worker.handshake import HandshakeError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


@pytest.fixture(params=["unix", "tcp"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with short_folder() as folder, closing_house(House(folder, tcp=request.param == "tcp")) as house:
        assert house.door.address.startswith(request.param)
        yield house


def test_the_folder_and_the_socket_are_this_users_alone() -> None:
    with short_folder() as parent, closing_house(House(parent / "new", tcp=False)) as house:
        path = Path(house.door.address.partition(":")[2])

        assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
        assert stat.S_ISSOCK(path.stat().st_mode)
        path.parent.chmod(0o755)
        with pytest.raises(OSError, match="in use"):
            Door.open(str(path.parent), "door", tcp=False)
        assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_processes_that_make_the_key_at_the_same_time_all_get_the_same(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from wetlands._store.keys import auth_key\n"
        "print('ready', flush=True); sys.stdin.readline(); print(auth_key(Path(sys.argv[1]))[1].hex())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "instance")]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(6)
        ]
        for process in processes:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        keys = {process.communicate(timeout=DEADLINE)[0].strip() for process in processes}

    assert 1 == len(keys)
    assert [64] == [len(key) for key in keys]
    assert ["auth.key"] == [path.name for path in (tmp_path / "instance" / "state").iterdir()]


def test_a_path_that_is_too_long_becomes_a_port(tmp_path: Path) -> None:
    with closing_house(House(tmp_path / ("x" * 150), tcp=False)) as house:
        assert house.door.address.startswith("tcp:127.0.0.1:")
        house.serves()


def test_a_closed_door_leaves_nothing_and_answers_nobody() -> None:
    with short_folder() as folder:
        house = House(folder, tcp=False, seconds=60)
        with house.knock() as silent:
            house.serves()
            house.door.close()
            house.door.close()

            assert [] == list(folder.iterdir())
            assert is_sent_away(silent)
            with pytest.raises(HandshakeError, match="nobody can be reached"):
                reach(house.door.address, KEY, b"look", 1.0)


def test_connections_that_were_handed_over_outlive_the_door(house: House) -> None:
    with reach(house.door.address, KEY, b"good", DEADLINE) as sock:
        house.door.close()
        connection = Connection(sock)
        connection.send(1, 2, b"after")

        assert (1, 2, b"after", ()) == connection.receive()


def test_a_door_that_never_served_closes() -> None:
    with short_folder() as folder:
        Door.open(str(folder), "door", tcp=False).close()
        assert [] == list(folder.iterdir())


def test_a_forked_child_does_not_end_the_door_of_its_parent(house: House) -> None:
    child = os.fork()
    if not child:
        house.door.close()
        os._exit(0)
    os.waitpid(child, 0)

    house.serves()


def test_an_error_behind_the_door_closes_that_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: raised.append(told.exc_type))

    def fail(sock: socket.socket, purpose: bytes) -> None:
        raise LookupError(purpose)

    with short_folder() as folder:
        door = Door.open(str(folder), "door", tcp=False)
        try:
            door.serve(KEY, fail)
            for _ in range(2):
                with reach(door.address, KEY, b"look", DEADLINE) as sock:
                    assert is_sent_away(sock)
        finally:
            door.close()
    eventually(lambda: len(raised) == 2, "the errors are told")
    assert [LookupError, LookupError] == raised


@pytest.mark.parametrize(
    "address",
    ["", "unix:", "tcp:", "tcp:127.0.0.1:", "tcp:10.0.0.1:80", "tcp:127.0.0.1:0", "tcp:127.0.0.1:65536", "x:y"],
)
def test_what_is_no_address_of_this_machine_is_refused(address: str) -> None:
    with pytest.raises(HandshakeError, match="no address"):
        reach(address, KEY, b"look", 1.0)
