"""Doors work between every two Pythons: both sides on each, over both transports."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wetlands_worker
from wetlands_worker.doors import Door, reach

if TYPE_CHECKING:
    import socket

KEY = bytes(range(32))
# One client is served there, and then one is it.
PEER = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from wetlands_worker.doors import Door, reach
key, ended = bytes(range(32)), threading.Event()
def handle(sock, purpose):
    sock.sendall(purpose + b" " + sock.recv(100))
    sock.close()
    ended.set()
door = Door.open(sys.argv[2], "there", sys.argv[3] == "tcp")
door.serve(key, handle)
print(door.address, flush=True)
assert ended.wait(30)
door.close()
with reach(sys.stdin.readline().strip(), key, b"from there", 30) as sock:
    sock.sendall(b"hello")
    print(sock.recv(100).decode(), flush=True)
"""


def answer(sock: socket.socket, purpose: bytes) -> None:
    with sock:
        sock.sendall(purpose + b" " + sock.recv(100))


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_each_python_opens_doors_and_reaches_others(interpreter: Path, transport: str) -> None:
    source = str(Path(wetlands_worker.__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="door") as folder:
        command = [str(interpreter), "-I", "-B", "-W", "error", "-c", PEER, source, folder, transport]
        door = Door.open(folder, "here", tcp=transport == "tcp")
        door.serve(KEY, answer)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                address = process.stdout.readline().strip()
                assert address.startswith(transport)
                with reach(address, KEY, b"from here", 30) as sock:
                    sock.sendall(b"hello")
                    assert b"from here hello" == sock.recv(100)
                process.stdin.write(f"{door.address}\n")
                process.stdin.flush()
                assert "from there hello\n" == process.stdout.readline()
                assert 0 == process.wait(30)
            finally:
                process.kill()
                door.close()
