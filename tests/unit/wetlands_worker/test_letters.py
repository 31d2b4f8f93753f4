"""Letters carry plain values of any length, and open files."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from wetlands_worker.letters import receive_letter, send_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(socket.socket, "sendmsg"), reason="POSIX only")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        theirs.settimeout(20)
        yield ours, theirs


def test_values_and_files_arrive_together(pair: tuple[socket.socket, socket.socket]) -> None:
    read, write = os.pipe()
    send_letter(pair[0], ("request", {"A": "ä"}, None), [write])
    send_letter(pair[0], "next")
    os.close(write)

    letter = receive_letter(pair[1])
    assert letter is not None
    value, (received,) = letter
    assert ("request", {"A": "ä"}, None) == value
    assert not os.get_inheritable(received)
    os.write(received, b"through it")
    os.close(received)
    assert b"through it" == os.read(read, 100)
    os.close(read)
    assert ("next", []) == receive_letter(pair[1])


def test_each_letter_has_its_own_files(pair: tuple[socket.socket, socket.socket]) -> None:
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(7)]
    for count in (7, 0, 1, 3):
        send_letter(pair[0], count, files[:count])
    for count in (7, 0, 1, 3):
        letter = receive_letter(pair[1])
        assert letter is not None
        assert (count, count) == (letter[0], len(letter[1]))
        for descriptor in letter[1]:
            os.close(descriptor)
    for descriptor in files:
        os.close(descriptor)


def test_long_letters_arrive_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    """Such as the variables of an environment, which may be hundreds of kilobytes."""
    value = {f"NAME_{number}": "x" * 1000 for number in range(2000)}
    sender = threading.Thread(target=send_letter, args=(pair[0], value))
    sender.start()
    letter = receive_letter(pair[1])
    sender.join()
    assert (value, []) == letter


@pytest.mark.parametrize("sent", [b"", b"\x05\x00", b"\x05\x00\x00\x00ab"])
def test_an_end_at_any_place_is_the_end(pair: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    pair[0].sendall(sent)
    pair[0].close()
    assert receive_letter(pair[1]) is None
