"""The floor: bare Python processes, and a socket that carries framed pickles of protocol 5."""

from __future__ import annotations

import pickle
import socket
import struct
import subprocess
import time
from pathlib import Path
from statistics import median

from base import Contender, memory_of

_LENGTH = struct.Struct("<Q")


class Bare(Contender):
    """One process that answers; nothing that a library must do besides is done."""

    _process: subprocess.Popen[bytes]
    _socket: socket.socket

    def start(self, workers: int) -> None:
        """See the base class."""
        assert workers == 1
        ours, theirs = socket.socketpair()
        child = Path(__file__).parent / "bare_child.py"
        command = [self.python, str(child), str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self._socket = ours

    def stop(self) -> None:
        """See the base class."""
        self._socket.close()
        self._process.wait()

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        assert function == "nothing", "the child knows no other"
        body = pickle.dumps((args, {}), 5)
        self._socket.sendall(_LENGTH.pack(len(body)) + body)
        length = _LENGTH.unpack(self._socket.recv(_LENGTH.size))[0]
        answer = bytearray(length)
        left = memoryview(answer)
        while left:
            left = left[self._socket.recv_into(left) :]
        return pickle.loads(answer)

    def launches(self, workers: int, times: int) -> dict[str, float]:
        """A Python that does nothing at all, once."""
        costs = []
        for _ in range(times + 1):
            begin = time.perf_counter()
            subprocess.run([self.python, "-c", "pass"], check=True)
            costs.append(time.perf_counter() - begin)
        return {f"launch {workers}": median(costs[1:])}

    def memory(self) -> dict[str, float]:
        """What an interpreter holds that waits for its input."""
        command = [self.python, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            return memory_of(process.pid)


CONTENDER = Bare
