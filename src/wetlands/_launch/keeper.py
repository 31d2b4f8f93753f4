"""Our side of a keeper of persistent workers: it is started or found, and has workers for us while we are connected.

What it does is told in `wetlands_worker.keeper`. It is nobody's child, and so are its workers: it tells how they end.
"""

from __future__ import annotations

import itertools
import os
import secrets
import threading
import time
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypedDict

from wetlands._launch.command import working_folder
from wetlands._launch.ends import make_reachable_ends
from wetlands._launch.forked import ForkedChild, watch_orphans
from wetlands._plain.decoding import decode_plain
from wetlands._platform.exits import wait_for_exit
from wetlands._store.lock import program_name
from wetlands.exceptions import AttachError, LaunchError
from wetlands_worker import messages
from wetlands_worker.doors import reach
from wetlands_worker.frames import BrokenFrameError, Connection
from wetlands_worker.handshake import HandshakeError
from wetlands_worker.values import DecodeError, encode

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._launch.ends import Ours
    from wetlands_worker.arrivals import Frame

__all__ = ["Keeper", "KeptChild", "Plan"]

_ANSWER_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_JOIN_SECONDS = 5.0
_END_SECONDS = 5.0
_REFUSED_SECONDS = 0.5


class Plan(TypedDict):
    """What a program that attaches has to know of the launch; the keeper holds it in memory, and on no disk.

    Attributes:
        python: The interpreter.
        variables: The variables of all workers.
        own: Those of each worker, by its index.
        policy: The arguments of `wetlands._pool.policy.Policy`.
        idle_timeout: The seconds after which workers without a program end when they are idle, or None.
        silence: The seconds that a running call may go without a sign of life, or None.
        initializer: Target, function and encoded values of the call that prepares each worker, or None.
        secrets: What is hidden in the log.
    """

    python: str
    variables: dict[str, str]
    own: dict[int, dict[str, str]]
    policy: tuple[int, int, float | None, int | None, int | None]
    idle_timeout: float | None
    silence: float | None
    initializer: tuple[bytes, str, bytes, list[bytes]] | None
    secrets: list[str]


class KeptChild(ForkedChild):
    """A worker of a keeper. See `wetlands._platform.child.Child`.

    Attributes:
        index: Its place in the pool.
        nonce: What marks its output.
        backlog: What was said of it, and nobody reads yet; None: somebody does.
    """

    relayed = True  # what it writes passes its keeper

    def __init__(self, pid: int, index: int, nonce: str) -> None:
        super().__init__(pid)
        self.backlog: list[Frame] | None = []
        self.index = index
        self.nonce = nonce
        self._pipes = [os.pipe(), os.pipe()]
        self.stdout, self.stderr = (os.fdopen(read, "rb", 0) for read, _ in self._pipes)

    def wrote(self, number: int, data: bytes) -> None:
        """It wrote something to stdout (1) or stderr (2)."""
        with suppress(OSError, IndexError):  # nobody reads any more
            writer = self._pipes[number - 1][1]
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(writer, rest) :]

    def silent(self) -> None:
        """Nothing that it writes will come here any more."""
        pipes, self._pipes = self._pipes, []
        for _, writer in pipes:
            os.close(writer)


class Keeper:
    """A keeper whose workers are ours, until `release` or `close`.

    Attributes:
        pid: Its process.
        address: Where it listens.
        plan: What was launched; None where nothing was yet.
        workers: Its live workers, by their index.
    """

    def __init__(self, connection: Connection, pid: int, address: str, key: bytes, who: str) -> None:
        self.pid = pid
        self.address = address
        self.plan: Plan | None = None
        self.workers: dict[int, KeptChild] = {}
        self._key = key
        self._who = who
        self._connection = connection
        self._by_pid: dict[int, KeptChild] = {}
        self._early: list[Frame] = []  # of workers that we do not know yet
        self._ended: set[int] = set()
        self._numbers = itertools.count(1)
        self._requests: dict[int, SimpleQueue[Any]] = {}  # Any: see the table of messages
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._released = False
        self._reader = threading.Thread(target=self._read, name=f"wetlands-keeper-{pid}", daemon=True)

    @classmethod
    def claim(cls, address: str, pid: int, key: bytes, timeout: float, who: str) -> Keeper:
        """Get the workers of a keeper, and wait for a while when another program has them.

        Args:
            address: Where it listens.
            pid: Its process.
            key: The key of the instance.
            timeout: Seconds to wait at most.
            who: The name of the environment.

        Raises:
            AttachError: It cannot be reached, or another program has the workers all the time.
        """
        import sys  # noqa: PLC0415 - for one line

        deadline = time.monotonic() + timeout
        purpose = f"claim:{os.getpid()}:{program_name(sys.argv, sys.executable)}".encode()[:255]
        try:
            sock = reach(address, key, purpose, max(timeout, 0.1))
        except HandshakeError as error:
            wait_for_exit(pid, min(_REFUSED_SECONDS, deadline - time.monotonic()))  # it may be ending, see below
            raise AttachError(who, f"their keeper, process {pid}, cannot be reached ({error})") from error
        keeper = cls(Connection(sock), pid, address, key, who)
        try:
            keeper._welcomed(deadline)
        except BaseException:
            sock.close()
            raise
        sock.settimeout(None)
        keeper._reader.start()
        return keeper

    # ----------------------------------------------------------------- asking

    def start(self, index: int, command: Sequence[str], variables: Mapping[str, str]) -> KeptChild | str:
        """Start a worker; why it cannot be, as text, where that is so."""
        answer = self._ask(messages.START, (index, list(command), dict(variables)))
        if isinstance(answer, str):
            return answer
        pid, nonce = answer
        return self._known(KeptChild(pid, index, nonce))

    def connect(self, child: KeptChild, session: str) -> tuple[Ours, Callable[[], None]]:
        """Connect to a worker, which says hello when it is idle.

        Returns:
            Our end, and what is to be called when the worker has said hello, or will not.

        Raises:
            AttachError: The keeper does not let us.
        """
        ticket = secrets.token_hex(8)
        try:
            ours, tokens, opened = make_reachable_ends(partial(self._reach, ticket))
        except HandshakeError as error:
            raise AttachError(self._who, f"worker {child.index} cannot be reached ({error})") from error
        self._tell(messages.ATTACH, child.pid, (ticket, *tokens, session, working_folder()))
        return ours, opened

    def follow(self, child: KeptChild) -> None:
        """Somebody reads what a worker writes: hand on what has come, and what comes."""
        while True:
            with self._lock:
                waiting, child.backlog = child.backlog, []
                if not waiting:
                    child.backlog = None
                    return
            for frame in waiting:
                self._hand(child, frame)

    def leave(self, child: KeptChild) -> None:
        """Have a worker end, by growing force on itself."""
        self._tell(messages.LEAVE, child.pid, None)

    def launched(self, plan: Plan, started: Mapping[int, float]) -> None:
        """All is ready: other programs may find it.

        Args:
            plan: What they have to know.
            started: When the keeper and the workers were started, by their pid.

        Raises:
            LaunchError: It does not answer.
        """
        self.plan = plan
        problem = self._ask(messages.LAUNCHED, (plan, dict(started)))
        if problem is not None:
            raise LaunchError(self._who, str(problem))

    def release(self) -> None:
        """Let go of the workers, which stay."""
        self._released = True
        self._connection.abort()
        if self._reader.ident is not None:
            self._reader.join(_JOIN_SECONDS)
        self._connection.close()

    def close(self) -> None:
        """Let go of workers that have ended, and wait until the keeper has too."""
        self.release()
        wait_for_exit(self.pid, _END_SECONDS)

    # ---------------------------------------------------------------- hearing

    def _welcomed(self, deadline: float) -> None:
        holder = "another program"
        while True:
            try:
                self._connection.socket.settimeout(max(0.001, deadline - time.monotonic()))
                frame = self._connection.receive()
            except TimeoutError:
                raise AttachError(self._who, f"{holder} has them") from None
            except (OSError, BrokenFrameError) as error:
                raise AttachError(self._who, f"their keeper, process {self.pid}, ended the talk ({error})") from error
            if frame is None:
                wait_for_exit(self.pid, deadline - time.monotonic())  # so that who looks again does not find it
                raise AttachError(self._who, f"their keeper, process {self.pid}, has ended")
            kind, _, body, buffers = frame
            if kind == messages.HELD:
                value: Any = decode_plain(body, buffers)  # Any: see the table of messages
                pid, name, since = value
                holder = f"program {pid} ({name}) since {time.strftime('%H:%M:%S', time.localtime(since))}"
            elif kind == messages.WELCOME:
                value = decode_plain(body, buffers)
                self.plan, workers = value
                for index, pid, nonce in workers:
                    self.workers[index] = self._known(KeptChild(pid, index, nonce))
                return
            else:
                self._early.append(frame)

    def _read(self) -> None:
        """Hear what the keeper says, until it is gone or we let go."""
        with suppress(OSError, BrokenFrameError, DecodeError, LookupError, TypeError, ValueError):  # it makes no sense
            while (frame := self._connection.receive()) is not None:
                self._heard(frame)
        self._gone.set()
        with self._lock:
            waiting = list(self._requests.values())
            children = list(self._by_pid.values())
        for queue in waiting:
            queue.put("its keeper has ended")
        for child in children:
            child.silent()
        if not self._released:
            watch_orphans(children)

    def _heard(self, frame: Frame) -> None:
        kind, number, body, buffers = frame
        if kind == messages.DONE:
            with self._lock:
                queue = self._requests.get(number)
            if queue is not None:
                queue.put(decode_plain(body, buffers))
            return
        with self._lock:
            child = self._by_pid.get(number)
            waiting = self._early if child is None else child.backlog
            if waiting is not None:
                if number not in self._ended:  # what a child of it writes that it has left, nobody hears
                    waiting.append(frame)
                return
        if child is not None:
            self._hand(child, frame)

    def _hand(self, child: KeptChild, frame: Frame) -> None:
        kind, number, body, buffers = frame
        if kind == messages.WROTE:
            child.wrote(body[0], bytes(body[1:]))
        elif kind == messages.ENDED:
            status: Any = decode_plain(body, buffers)  # Any: see the table of messages
            with self._lock:
                self._by_pid.pop(number, None)
                self._ended.add(number)
            child.silent()
            child.ended(*status)

    def _known(self, child: KeptChild) -> KeptChild:
        """From now on, what is said of this worker is kept for `follow`; what came before it was known too."""
        with self._lock:
            child.backlog = [frame for frame in self._early if frame[1] == child.pid]
            self._early = [frame for frame in self._early if frame[1] != child.pid]
            self._by_pid[child.pid] = child
            self._ended.discard(child.pid)
        return child

    def _ask(self, kind: int, value: object) -> Any:  # noqa: ANN401 - see the table of messages
        number = next(self._numbers)
        queue: SimpleQueue[Any] = SimpleQueue()
        with self._lock:
            self._requests[number] = queue
        try:
            if self._gone.is_set() or not self._tell(kind, number, value):
                return "its keeper has ended"
            return queue.get(timeout=_ANSWER_SECONDS)
        except Empty:
            return f"its keeper did not answer within {_ANSWER_SECONDS:g} s"
        finally:
            with self._lock:
                self._requests.pop(number, None)

    def _reach(self, ticket: str, kind: str) -> socket.socket:
        return reach(self.address, self._key, f"{kind}:{ticket}".encode(), _CONNECT_SECONDS)

    def _tell(self, kind: int, number: int, value: object) -> bool:
        try:
            self._connection.send(kind, number, encode(value)[0])
        except OSError:
            return False
        return True
