"""Environments for tests of the workers: any interpreter is one, so nothing has to be built."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from wetlands._backends.prefix import Prefix
from wetlands.external_environment import ExternalEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wetlands._pool.pool import Pool
    from wetlands.environment_manager import EnvironmentManager
    from wetlands.task import Task

T = TypeVar("T")

DEADLINE = 20.0
"""No wait of a test is longer; the usual ones take milliseconds."""

FUNCTIONS = Path(__file__).with_name("pool_functions.py")
"""What the workers of most tests run."""


class FakeManager:
    """What a manager is to its environments, without a store and without activation."""

    log_instance = "instance of the tests"
    accept = "any"

    def __init__(self, variables: Mapping[str, str] | None = None, *, debug: bool = False) -> None:
        self.variables = variables or {}
        self.debug = debug

    def child_environment(self, _prefix: Prefix) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**inherited, "PYTHONDONTWRITEBYTECODE": "1", **self.variables}

    def note_debuggers(self, _endpoints: object) -> None:
        """No program but the tests looks for them."""

    def show_workers(self) -> None:
        """Nobody looks at them from outside."""

    def mark_in_use(self, _environment: object, _pid: int | None = None) -> None:
        """Nobody removes the interpreter of the tests."""


def unlaunched(
    python: Path | None = None, *, name: str = "tested", variables: Mapping[str, str] | None = None
) -> ExternalEnvironment:
    """An environment without workers; with another interpreter than that of the tests if asked for."""
    executable = Path(sys.executable) if python is None else python
    prefix = Prefix(executable.parent.parent, executable, "venv")
    return ExternalEnvironment(name, prefix, cast("EnvironmentManager", FakeManager(variables)))


@contextmanager
def an_environment(
    python: Path | None = None,
    *,
    max_workers: int = 1,
    name: str = "tested",
    variables: Mapping[str, str] | None = None,
    worker_env: Callable[[int], Mapping[str, str]] | None = None,
    worker_timeout: float | None = None,
) -> Iterator[ExternalEnvironment]:
    """A launched environment, exited afterwards."""
    with unlaunched(python, name=name, variables=variables) as environment:
        environment.launch(max_workers=max_workers, worker_env=worker_env, worker_timeout=worker_timeout)
        yield environment


def pool_of(environment: ExternalEnvironment) -> Pool:
    """The pool of a launched environment."""
    pool = environment._pool
    assert pool is not None
    return pool


def pids(environment: ExternalEnvironment) -> list[int]:
    """The workers that are ready or busy."""
    return [worker.process.pid for worker in pool_of(environment).workers]


def eventually(condition: Callable[[], object], what: str, timeout: float = DEADLINE) -> None:
    """Wait until something holds that no event tells of, such as the state of another process."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Whether a process of that number runs; a zombie does not."""
    try:
        return _state(Path(f"/proc/{pid}")) != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def suspend(pid: int) -> None:
    """Stop a process, and wait until all of its threads are, where that is told: they go on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    if threads.exists():
        eventually(lambda: {b"T"} == {_state(thread) for thread in threads.iterdir()}, f"process {pid} is stopped")


def _state(folder: Path) -> bytes:
    return (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]


def in_thread(function: Callable[[], T], deadline: float = DEADLINE) -> Callable[[], T]:
    """Begin a call on another thread; what is returned waits for it and gives its result, or raises its error."""
    outcome: list[T] = []
    problem: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            problem.append(error)

    thread = threading.Thread(target=run, name="caller", daemon=True)
    thread.start()

    def finish() -> T:
        thread.join(deadline)
        assert not thread.is_alive(), "the call hangs"
        if problem:
            raise problem[0]
        return outcome[0]

    return finish


def say(signal: Path) -> None:
    """Let functions that wait for this file go on."""
    signal.touch()


def begun(task: Task[object], environment: ExternalEnvironment) -> bool:
    """Whether a worker has said hello to a task; used with functions that report when they begin."""
    return task.message is not None and environment.launched()
