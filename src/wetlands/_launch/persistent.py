"""Workers that outlive this program: each is started by a keeper or found with one, and let go at the end."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._launch.bytecode import bytecode_folder
from wetlands._launch.command import package_command
from wetlands._launch.output import ProcessLogger
from wetlands._launch.process import HELLO_SECONDS, WorkerProcess
from wetlands._platform.process import identify
from wetlands.exceptions import AttachError, LaunchError
from wetlands_worker import messages
from wetlands_worker.frames import BrokenFrameError
from wetlands_worker.stdio import marker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._launch.ends import Ours
    from wetlands._launch.keeper import Keeper, KeptChild, Plan
    from wetlands_worker.arrivals import Frame

__all__ = ["PersistentProcess", "PersistentStarter"]

_LEAST_SECONDS = 0.1


class PersistentProcess(WorkerProcess):
    """A worker that a keeper has for us.

    Args:
        keeper: The keeper.
        child: The worker.
        ends: Our end of what we share with it, and what is to be called when it has opened its own.
        output: What it writes.
        who: How errors name the environment.
        adopted: Whether it was there before us.
        deadline: Until when it may take to say hello, by `time.monotonic`; None: as long as a new one.

    Attributes:
        undelivered: The frames of answers that no program has read, see `wetlands_worker.persistent`.
    """

    persistent = True

    def __init__(
        self,
        keeper: Keeper,
        child: KeptChild,
        ends: tuple[Ours, Callable[[], None]],
        output: ProcessLogger,
        who: str,
        *,
        adopted: bool,
        deadline: float | None,
    ) -> None:
        ours, opened = ends
        self._until_opened = ExitStack()
        self._until_opened.callback(opened)
        super().__init__(child, ours, output, who)
        self._keeper = keeper
        self._kept_child = child
        self._deadline = deadline
        self.adopted = adopted
        address = keeper.address
        self.port = int(address.rpartition(":")[2]) if address.startswith("tcp:") else None
        self.undelivered: list[Frame] = []
        self._gave = False

    def greet(self, timeout: float | None = None) -> Mapping[str, object]:
        """Wait for its hello, and for the answers that it has kept.

        Raises:
            AttachError: It was there before us, and is busy, or does not answer; it goes on, and we let go of it.
            LaunchError: See `WorkerProcess.greet`.
        """
        patience = timeout or HELLO_SECONDS
        if self._deadline is not None:
            patience = max(_LEAST_SECONDS, self._deadline - time.monotonic())
        try:
            hello = super().greet(patience)
        except LaunchError as error:
            if not self.adopted:
                raise
            reason = f"worker {self._kept_child.index} pid {self.pid} runs a call, or does not answer ({error.reason})"
            raise AttachError(self._who, reason) from error
        finally:
            self._until_opened.close()
        count = hello.get("undelivered")
        if isinstance(count, int) and count:
            self._receive(count)
            self._gave = True
        return hello

    def taken(self) -> None:
        """Say that we have the answers that it kept: it waits for that, and forgets them."""
        if self._gave:
            self._gave = False
            with suppress(OSError):  # it has ended, which the pool notices
                self.call.send(messages.TAKEN, 0)

    def _ended_early(self) -> LaunchError:
        if self.adopted:  # it is not ours yet, and whatever it does it goes on with
            return LaunchError(self._who, "it closed the connection")
        return super()._ended_early()

    def ask(self) -> None:
        """Have it end, and hang up: an idle worker leaves at once, a busy one begins to end itself."""
        self._keeper.leave(self._kept_child)
        self.hang_up()

    def close(self) -> None:
        """See `WorkerProcess.close`."""
        self._until_opened.close()
        super().close()

    def _receive(self, count: int) -> None:
        self.call.socket.settimeout(HELLO_SECONDS)
        try:
            while count:
                frame = self.call.receive()
                if frame is None:
                    raise AttachError(self._who, f"worker {self._kept_child.index} ended while it gave its results")
                self.undelivered.append(frame)
                count -= frame[0] == messages.UNDELIVERED
            self.call.socket.settimeout(None)
        except (OSError, BrokenFrameError) as error:
            reason = f"worker {self._kept_child.index} pid {self.pid} did not give its results ({error})"
            raise AttachError(self._who, reason) from error


class PersistentStarter:
    """Gives a pool its workers: those that a keeper has, and new ones beside them.

    Args:
        keeper: The keeper.
        plan: What is being launched; None: what the keeper says was launched.
        session: What the ids of this host's tasks start with.
        instance: What the log records of the workers carry.
        who: The name of the environment.
        deadline: Until when workers that are there may take to become idle, by `time.monotonic`.

    Attributes:
        found: The workers that are there and not taken yet, by their index.
        plan: What was launched.
        stays: Whether the workers are to stay when this is closed.
    """

    def __init__(
        self,
        keeper: Keeper,
        plan: Plan | None,
        *,
        session: str,
        instance: str,
        who: str,
        deadline: float | None,
    ) -> None:
        launched = plan or keeper.plan
        if launched is None:
            raise AttachError(who, "they are still being launched by another program")
        self.plan = launched
        self._keeper = keeper
        self._session = session
        self._instance = instance
        self._who = who
        self._deadline = deadline
        self._started = {keeper.pid: _started(keeper.pid)}
        self.found = dict(keeper.workers)
        self.stays = False
        self._adopted: list[PersistentProcess] = []

    def guardian(self) -> _NoGuardian:
        """Nobody ends the workers when this program is gone."""
        return _NoGuardian()

    def start(self, index: int) -> PersistentProcess:
        """Start a worker, or take the one that is there; it says hello later.

        Raises:
            LaunchError: It cannot be started.
            AttachError: It cannot be reached.
        """
        child = self.found.pop(index, None)
        adopted = child is not None
        if child is None:
            child = self._started_child(index)
        context = {
            "log_source": "execution",
            "env_name": self._who,
            "worker_index": index,
            "instance": self._instance,
        }
        output = ProcessLogger(child, context, marker=marker(child.nonce))
        self._keeper.follow(child)
        try:
            ends = self._keeper.connect(child, self._session)
        except BaseException:
            if not adopted:
                self._keeper.leave(child)
            raise
        process = PersistentProcess(
            self._keeper,
            child,
            ends,
            output,
            self._who,
            adopted=adopted,
            deadline=self._deadline if adopted else None,
        )
        if adopted:
            self._adopted.append(process)
        return process

    def take_over(self) -> None:
        """All workers are ours: let those that were there forget what they have given us."""
        adopted, self._adopted = self._adopted, []
        for process in adopted:
            process.taken()

    def ready(self) -> None:
        """All workers are ready: let other programs find them."""
        self._keeper.launched(self.plan, self._started)

    def close(self) -> None:
        """Let go of the keeper."""
        if self.stays:
            self._keeper.release()
        else:
            self._keeper.close()

    def _started_child(self, index: int) -> KeptChild:
        variables = {**self.plan["variables"], **self.plan["own"].get(index, {})}
        command = package_command(Path(self.plan["python"]), bytecode_folder(variables))
        child = self._keeper.start(index, command, variables)
        if isinstance(child, str):
            raise LaunchError(self._who, f"worker {index} cannot be started ({child})")
        started = {child.pid: _started(child.pid)}
        if self._keeper.plan is not None:  # a replacement
            self._keeper.launched(self.plan, started)
        else:
            self._started |= started
        return child


class _NoGuardian:
    """See `wetlands._launch.guardian.Guardian`."""

    def watch(self, pid: int) -> None:
        """Nothing is done."""

    def forget(self, pid: int) -> None:
        """Nothing is done."""

    def close(self) -> None:
        """Nothing is done."""


def _started(pid: int) -> float:
    identity = identify(pid)
    return 0.0 if identity is None else identity.started
