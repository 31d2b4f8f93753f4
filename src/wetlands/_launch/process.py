"""A worker process from its start to its end: its connections, its output, and the ladder that stops it."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import suppress
from operator import methodcaller
from reprlib import repr as brief
from typing import TYPE_CHECKING

from wetlands._launch.autopsy import Autopsy
from wetlands._launch.ends import make_ends
from wetlands._launch.output import ProcessLogger
from wetlands._plain.decoding import decode_plain
from wetlands._plain.limits import INTRODUCTION
from wetlands._platform.memory import private_memory
from wetlands._platform.process import ProcessIdentity, identify, is_within, kill_tree, leads_nobody
from wetlands._platform.shortage import count_kills, out_of_memory, read_memory
from wetlands._platform.vitals import vitals
from wetlands.exceptions import LaunchError
from wetlands_worker import messages
from wetlands_worker.frames import BrokenFrameError
from wetlands_worker.page import stack_signal
from wetlands_worker.stdio import marker
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._launch.ends import Ours, Theirs
    from wetlands._platform.child import Child
    from wetlands._platform.vitals import Vitals

__all__ = ["WorkerProcess", "discard", "stop_all"]

HELLO_SECONDS = 60.0
"""How long a worker may take to say hello; a cold start from a slow disk takes seconds."""

_STDERR_LINES = 50
_OUTPUT_SECONDS = 0.5
_DEATH_SECONDS = 2.0
_DUMP_SECONDS = 0.02
_SIGKILL = 9

_log = logging.getLogger("wetlands")


class WorkerProcess:
    """One worker process that this host started and owns.

    Attributes:
        pid: The worker's own pid. On Windows it may be a child of the process that was started: the interpreter of a
            virtual environment there is a launcher.
        call: The connection that the worker's main thread reads.
        control: The connection that a thread of the worker serves.
        output: What it writes to stdout and stderr.
        adopted: Whether it was there before us, and is not to be ended for an error of ours.
        persistent: Whether it outlives this program.
        port: Where it can be reached, if at a port.
    """

    adopted = False
    persistent = False
    port: int | None = None

    def __init__(self, child: Child, ours: Ours, output: ProcessLogger, who: str) -> None:
        self._child = child
        self._who = who
        self._identity = identify(child.pid) or ProcessIdentity(child.pid, 0.0)
        self._kills = count_kills()
        self._killed = False
        self._autopsy: Autopsy | None = None
        self.pid = child.pid
        self._ours = ours
        self.call, self.control, self._page = ours.call, ours.control, ours.page
        self._dumping = threading.Lock()
        self._dumped = 0
        self.output = output

    @classmethod
    def start(cls, begin: Callable[[Theirs], Child], *, context: Mapping[str, object], who: str) -> WorkerProcess:
        """Start a worker; it says hello later, see `greet`.

        Args:
            begin: Starts the process, which inherits this.
            context: What the log shall say about each line that it writes.
            who: How errors name it.

        Raises:
            LaunchError: The process cannot be started.
        """
        ours, theirs = make_ends()
        try:
            child = begin(theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(child, ours, ProcessLogger(child, context, marker=marker(theirs.nonce)), who)

    def greet(self, timeout: float = HELLO_SECONDS) -> Mapping[str, object]:
        """Wait for the worker's hello.

        Returns:
            What it says of itself: ``protocol``, ``python`` (its version), ``pid``.

        Raises:
            LaunchError: It died, said nothing in time, or speaks another version of the protocol. It is stopped then.
        """
        try:
            hello = self._hello(timeout)
        except BaseException:  # also Ctrl-C
            discard([self])
            raise
        pid = hello.get("pid")
        if isinstance(pid, int) and pid != self.pid and is_within(self.pid, pid):
            self.pid = pid
        if not hello.get("segment"):
            self._ours.close_exchange()
        return hello

    def _hello(self, timeout: float) -> dict[str, object]:
        limits, self.call.limits = self.call.limits, INTRODUCTION
        self.call.socket.settimeout(timeout)
        try:
            frame = self.call.receive()
        except TimeoutError:
            raise LaunchError(self._who, f"a worker said nothing within {timeout:g} s", self._last_lines()) from None
        except BrokenFrameError as error:
            raise LaunchError(self._who, f"a worker does not speak our protocol ({error})") from error
        self.call.socket.settimeout(None)
        self.call.limits = limits
        if frame is None:
            raise self._ended_early()
        kind, _, body, buffers = frame
        hello: object = None
        if kind == messages.HELLO:
            with suppress(DecodeError):
                hello = decode_plain(body, buffers)
        if not isinstance(hello, dict) or hello.get("protocol") != messages.PROTOCOL_VERSION:
            reason = f"a worker answered {brief(hello)}, and this version speaks protocol {messages.PROTOCOL_VERSION}"
            raise LaunchError(self._who, reason)
        return hello

    def _ended_early(self) -> LaunchError:
        autopsy = self.autopsy()
        return LaunchError(self._who, f"a worker {autopsy} before it was ready", autopsy.stderr)

    # ----------------------------------------------------------------- ending

    def wait(self, timeout: float) -> int | None:
        """The return code as `subprocess` gives it, or None when the process still runs after `timeout` seconds."""
        return self._child.wait(timeout)

    def ask(self) -> None:
        """Hang up: an idle worker leaves at once, a busy one begins to end itself."""
        self.hang_up()

    def read(self, number: int) -> None:
        """Say that the answer of this number has come; nothing waits for it."""
        with suppress(OSError):  # it is gone
            self.call.offer(messages.READ, number, b"")

    def hang_up(self) -> None:
        """Let both sides see the end of the connections."""
        self.call.abort()
        self.control.abort()

    def terminate(self) -> None:
        """Send SIGTERM (on Windows: end the process)."""
        with suppress(OSError):
            self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and all its descendants."""
        self._killed = True
        kill_tree(self._identity)
        with suppress(OSError):  # should its start time be read differently now: nobody else has the pid of a child
            self._child.kill()

    def dump_stacks(self, patience: float) -> str:
        """The stacks of its threads, also when none of them can run; empty when it does not write them in time.

        A signal makes it do so, which can end a system call that native code waits in.
        """
        number = stack_signal()
        if number is None:
            return ""
        with self._dumping:
            with suppress(OSError):
                self._child.send_signal(number)  # not to somebody else: it looks whether the process has ended
            text = b""
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                before, text = text, self._page.written(self._dumped)
                if text and text == before:
                    break
                time.sleep(_DUMP_SECONDS)  # the writer cannot say that it has finished
            self._dumped += len(text)
        return text.decode("utf-8", "replace")

    def vitals(self) -> Vitals | None:
        """What the system says of the process; None when it is gone."""
        return vitals(self.pid)

    def memory(self) -> int:
        """The bytes of memory that it alone holds now; shared arrays do not count, and 0 when it is gone."""
        return private_memory(self.pid)

    def autopsy(self) -> Autopsy:
        """How it ended, found out once; one that lost its connection and still runs is killed."""
        if self._autopsy is not None:
            return self._autopsy
        code = self.wait(_DEATH_SECONDS)
        if code is None:
            self.kill()
            code = self.wait(_DEATH_SECONDS)
        peak = self._child.peak
        shortage = None
        if code == -_SIGKILL and not self._killed:  # meanwhile, others read what it wrote at last
            shortage = out_of_memory(self._kills, read_memory(), peak)
        self.output.join(_OUTPUT_SECONDS)
        stderr = tuple(self.output.stderr_tail(_STDERR_LINES))
        autopsy = Autopsy.of(code, stderr, peak=peak, shortage=shortage)
        if code is not None:
            self._autopsy = autopsy
        return autopsy

    def kill_leftovers(self) -> None:
        """Kill what it started and left behind; for one that died in the middle of its work."""
        if not leads_nobody(self._child.pid):
            kill_tree(self._identity)

    def last_begun(self) -> int:
        """The number of the call that it began last, also when it has died since."""
        return self._page.last_begun()

    def close(self) -> None:
        """Let go of the connections; nobody receives any more, and the process has ended or ends now."""
        self.hang_up()  # the monitor has a copy of the control connection: closing ours would not end that
        self._ours.close(trim=self._child.wait(0) is not None)

    def _last_lines(self) -> Sequence[str]:
        return self.output.stderr_tail(_STDERR_LINES)


_LADDER: tuple[tuple[str, Callable[[WorkerProcess], None], float], ...] = (
    ("ask", methodcaller("ask"), 2.0),  # the worker itself interrupts a busy task, and leaves within 1.75 s
    ("terminate", methodcaller("terminate"), 0.5),
    ("kill", methodcaller("kill"), 5.0),
)


def stop_all(processes: Sequence[WorkerProcess]) -> bool:
    """Stop workers, all at the same time, with growing force.

    Returns:
        Whether all have ended. One that has not is in an uninterruptible state of the system; it is logged.
    """
    running = list(processes)
    for name, step, pause in _LADDER:
        for process in running:
            step(process)
        deadline = time.monotonic() + pause
        running = [process for process in running if process.wait(deadline - time.monotonic()) is None]
        if not running:
            break
        _log.log(logging.INFO, "Workers %s did not end on %r", [process.pid for process in running], name)
    for process in processes:
        process.output.join(_OUTPUT_SECONDS)
    if running:
        _log.error("Workers %s cannot be ended", [process.pid for process in running])
    return not running


def discard(processes: Sequence[WorkerProcess]) -> None:
    """Stop workers that nobody uses yet, and let go of them, and of those that were there before us."""
    stop_all([process for process in processes if not process.adopted])
    for process in processes:
        process.close()
