"""Workers that are no processes: a test answers their calls itself, by real connections."""

from __future__ import annotations

import itertools
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from pools import DEADLINE
from wetlands._launch.autopsy import Autopsy
from wetlands._launch.noted import Noted
from wetlands._platform.vitals import Vitals
from wetlands._pool.call import BlockingCall, TaskCall, Work
from wetlands._pool.policy import Policy
from wetlands._pool.pool import Pool
from wetlands.exceptions import LaunchError
from wetlands.task import Task
from wetlands_worker import messages
from wetlands_worker.frames import Connection
from wetlands_worker.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wetlands._launch.guardian import Guardian
    from wetlands._launch.process import WorkerProcess
    from wetlands._pool.call import Call
    from wetlands._pool.initializer import Initializer
    from wetlands_worker.arrivals import Frame

HEAD = messages.pack_target("module", "function")
_pids = itertools.count(1_000_000_000)  # no real process has such a number


class _Output:
    last_read = 0.0

    def __init__(self) -> None:
        self.noted = Noted()

    def join(self, timeout: float) -> None:
        """Nothing was written."""


class FakeWorker:
    """Both ends of the connections of a worker; the pool has ours, the test plays the worker with the others."""

    adopted = False
    persistent = False
    port: int | None = None

    def __init__(self, index: int) -> None:
        self.index = index
        self.pid = next(_pids)
        self.call, self._theirs = _pair()
        self.control, self.theirs_control = _pair()
        self.output = _Output()
        self.greets = True
        self.page = 0
        self.holds = 0
        self.closed = False

    # ------------------------------------------------------- what the pool uses

    def greet(self) -> None:
        if not self.greets:
            raise LaunchError("tested", "it died before it was ready")

    def ask(self) -> None:
        self.die()

    def wait(self, timeout: float) -> int | None:
        return 0

    def memory(self) -> int:
        return self.holds

    def autopsy(self) -> Autopsy:
        return Autopsy(None, 9, ())

    def kill_leftovers(self) -> None:
        pass

    def last_begun(self) -> int:
        return self.page

    def vitals(self) -> Vitals | None:
        return Vitals(stopped=False, cpu_seconds=0.0)

    def dump_stacks(self, patience: float) -> str:
        return ""

    def kill(self) -> None:
        self.die()

    def close(self) -> None:
        self.closed = True
        for connection in (self.call, self.control, self._theirs, self.theirs_control):
            connection.close()

    # -------------------------------------------------------- what the test does

    def receive(self) -> Frame:
        """The next frame that the pool sent."""
        self._theirs.socket.settimeout(DEADLINE)
        frame = self._theirs.receive()
        assert frame is not None, "the pool has closed the connection"
        return frame

    def control_frame(self) -> tuple[int, int]:
        """Kind and number of the next frame on the control connection."""
        self.theirs_control.socket.settimeout(DEADLINE)
        frame = self.theirs_control.receive()
        assert frame is not None
        return frame[0], frame[1]

    def begin(self) -> int:
        """Take a call and begin it; its number."""
        number = self.receive()[1]
        self.page = number
        return number

    def send(self, kind: int, number: int, body: bytes, buffers: Sequence[memoryview] = ()) -> None:
        """Say anything at all."""
        self._theirs.send(kind, number, body, buffers)

    def send_bytes(self, data: bytes) -> None:
        """Send what may be no frame."""
        self._theirs.socket.sendall(data)

    def answer(self, number: int, result: object) -> None:
        self._theirs.send(messages.RESULT, number, encode(result)[0])

    def say(self, kind: int, number: int, value: object = None) -> None:
        self._theirs.send(kind, number, encode(value)[0])

    def echo(self) -> None:
        """Answer one call by its first argument."""
        number = self.begin()
        self.answer(number, number)

    def die(self) -> None:
        """Both connections end, as they do when a process ends."""
        self._theirs.abort()
        self.theirs_control.abort()


class _FakeGuardian:
    def watch(self, pid: int) -> None:
        """Nobody has to be watched."""

    def forget(self, pid: int) -> None:
        """See above."""

    def close(self) -> None:
        """See above."""


class Workers:
    """Makes the workers of a pool, and remembers them: `[0]` is the first one that was started."""

    def __init__(self) -> None:
        self.all: list[FakeWorker] = []
        self.prepare: Callable[[FakeWorker], object] = lambda _: None

    def __getitem__(self, position: int) -> FakeWorker:
        return self.all[position]

    def start(self, index: int) -> WorkerProcess:
        worker = FakeWorker(index)
        self.all.append(worker)
        self.prepare(worker)
        return cast("WorkerProcess", worker)


@contextmanager
def a_pool(
    size: int = 1, *, policy: Policy | None = None, initializer: Initializer | None = None
) -> Iterator[tuple[Pool, Workers]]:
    """A launched pool of fake workers."""
    workers = Workers()
    pool = Pool(
        "tested",
        Policy(size, size) if policy is None else policy,
        start=workers.start,
        guardian=lambda: cast("Guardian", _FakeGuardian()),
        initializer=initializer,
    )
    try:
        pool.launch()
        yield pool, workers
    finally:
        pool.close()
    assert all(worker.closed for worker in workers.all), "descriptors of a worker are still open"


def work(*arguments: object) -> Work:
    return Work(messages.CALL, HEAD, "module:function", (arguments, {}))


def blocking(*arguments: object) -> BlockingCall[object]:
    return BlockingCall(work(*arguments))


def submitted(pool: Pool, *arguments: object) -> Task[object]:
    """A task of the pool, started."""
    return Task(lambda task: _Driver(task, pool, work(*arguments)), "module:function").start()


class _Driver:
    def __init__(self, task: Task[object], pool: Pool, asked: Work) -> None:
        self._call: Call = TaskCall(asked, task)
        self._pool = pool

    def start(self) -> None:
        self._pool.submit(self._call)

    def cancel(self, force_after: float | None) -> None:
        self._pool.cancel(self._call, force_after)

    def stack(self) -> str:
        return self._pool.stack(self._call)


def arguments(frame: Frame) -> object:
    """The positional arguments of a CALL."""
    _, _, body, buffers = frame
    values = decode(messages.split_target(body)[1], buffers)
    return cast("tuple[object, object]", values)[0]


def _pair() -> tuple[Connection, Connection]:
    ours, theirs = socket.socketpair()
    return Connection(ours), Connection(theirs)
