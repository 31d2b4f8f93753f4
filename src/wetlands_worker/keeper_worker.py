"""One worker of a keeper: its process, its door, and what it writes. See `wetlands_worker.keeper`."""

import os
import socket
import subprocess
import threading
from struct import Struct
from time import monotonic

from wetlands_worker.keeper_log import Lines
from wetlands_worker.letters import receive_letter, send_letter
from wetlands_worker.stdio import marker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

    State = Tuple[Optional[Tuple[str, bytes]], Sequence[Tuple[str, bytes, float]]]

__all__ = ["KeptWorker"]

_READ_BYTES = 1 << 16
_OUTPUT_SECONDS = 0.5
_KILL = 9
_SEND_SECONDS = 2


class KeptWorker:
    """A child that serves one program after the other.

    Args:
        index: Its place in the pool.
        command: What starts it, up to its own arguments.
        variables: The variables of its process.
        keep_seconds: For how long it keeps answers that no program has read.
        wrote: Is given what it writes: this worker, the stream, the bytes; none at the end of a stream.
        ended: Is told of its end: this worker, status and peak as of ``wait4``.

    Attributes:
        index: As given.
        pid: Its process.
        nonce: What marks its output.
        lines: Its streams, taken apart, for as long as no program does that.
        state: What it runs and keeps, as it last said; None: it has not said it since the last program.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self,
        index: int,
        command: "Sequence[str]",
        variables: "Dict[str, str]",
        keep_seconds: float,
        *,
        wrote: "Callable[[KeptWorker, int, bytes], None]",
        ended: "Callable[[KeptWorker, int, int], None]",
    ) -> None:
        self.index = index
        self.nonce = os.urandom(8).hex()
        self.state: "Optional[State]" = None
        self.idle_since = monotonic()
        self.started = 0.0  # as programs reckon it, see LAUNCHED
        self.lines = {number: Lines(marker(self.nonce)) for number in (1, 2)}
        self._answer: "Any" = None  # Any: see the letters of `wetlands_worker.persistent`
        self._answered = threading.Event()
        self._asking = threading.Lock()
        self._state_asked = False
        self._sending = threading.Lock()
        self._wrote, self._ended = wrote, ended
        self._door, theirs = socket.socketpair()
        _limit_waiting(self._door)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*command, "persistent", str(theirs.fileno()), self.nonce, str(keep_seconds)],
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                self._door.close()
                raise
        self.pid = self._process.pid

    def follow(self) -> None:
        """Read what it writes and says, and wait for its end, on threads."""
        readers = [
            threading.Thread(target=self._read, args=(number, pipe), name=f"output-{self.pid}", daemon=True)
            for number, pipe in ((1, self._process.stdout), (2, self._process.stderr))
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._hear, name=f"door-{self.pid}", daemon=True).start()
        threading.Thread(target=self._reap, args=(readers,), name=f"end-{self.pid}", daemon=True).start()

    def attach(self, tokens: "Tuple[str, ...]", sockets: "Sequence[socket.socket]") -> None:
        """Pass it the connections of a program, which stay the caller's to close."""
        self.state = None
        self._tell(("attach", *tokens), [sock.fileno() for sock in sockets])

    def hang_up(self) -> None:
        """Its program has gone, and may have left a child that holds the other ends of its connections."""
        self._tell(("alone",))

    def leave(self) -> None:
        """Have it end, by growing force on itself."""
        self._tell(("leave",))

    def kill(self) -> None:
        """End it, and what it has started, by force."""
        try:
            os.killpg(self.pid, _KILL)
        except OSError:  # it has ended
            pass

    def ask_state(self) -> None:
        """Have it say its state again, unless it has not answered the last time: letters to nobody would pile up."""
        if not self._state_asked:
            self._state_asked = True
            self._tell(("state",))

    def ask(self, letter: "Tuple[object, ...]", seconds: float) -> "Any":  # Any: see `wetlands_worker.persistent`
        """Ask it something, and wait for the answer: what is in that letter; None when none comes in time."""
        with self._asking:
            self._answered.clear()
            self._answer = None
            self._tell(letter)
            self._answered.wait(seconds)
            return self._answer

    @property
    def busy(self) -> bool:
        """Whether it runs a call, or may do so: it has not said."""
        state = self.state  # once: a program that attaches sets it on another thread
        return state is None or state[0] is not None

    @property
    def is_needed(self) -> bool:
        """Whether it is busy, or keeps an answer that no program has read."""
        state = self.state
        return state is None or state[0] is not None or bool(state[1])

    def _tell(self, letter: "Tuple[object, ...]", descriptors: "List[int]" = []) -> None:  # noqa: B006 - never changed
        try:
            with self._sending:
                send_letter(self._door, letter, descriptors)
        except OSError:  # it has ended, which is heard elsewhere
            pass

    def _hear(self) -> None:
        try:
            while True:
                letter: "Any" = receive_letter(self._door)  # Any: see `wetlands_worker.persistent`
                if letter is None:
                    break
                kind, *content = letter[0]
                if kind == "state":
                    if not self.busy or content[0] is None:
                        self.idle_since = monotonic()
                    self.state = (content[0], content[1])
                    self._state_asked = False
                else:
                    self._answer = content
                    self._answered.set()
        except OSError:
            pass
        self._answered.set()

    def _read(self, number: int, pipe: "Any") -> None:  # Any: a pipe of bytes
        with pipe:
            while True:
                data = os.read(pipe.fileno(), _READ_BYTES)
                self._wrote(self, number, data)
                if not data:
                    return

    def _reap(self, readers: "Sequence[threading.Thread]") -> None:
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = status  # so that its object does not wait for it too
        for reader in readers:  # what it wrote at last comes before its end, unless a child of it holds the pipe
            reader.join(_OUTPUT_SECONDS)
        self._ended(self, status, usage.ru_maxrss)
        self._door.close()


def _limit_waiting(sock: socket.socket) -> None:
    """Let nobody wait for a worker that reads nothing: what is not taken within seconds is not sent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, Struct("ll").pack(_SEND_SECONDS, 0))  # a struct timeval
