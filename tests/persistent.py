"""Persistent workers for tests: managers of one instance, other programs that have its workers, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pools import DEADLINE, FUNCTIONS, eventually, is_running
from wetlands._backends.prefix import Prefix
from wetlands._store.keepers import known_keepers
from wetlands.environment_manager import EnvironmentManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands._store.parties import Party
    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

PROGRAM = Path(__file__).parent / "faults" / "saboteur_program.py"
NAME = "tested"
DESERTED = Path(__file__).with_name("persistent_functions.py")
"""What workers run whose program goes away meanwhile."""


@dataclass
class Instance:
    """An instance folder, and what tests do with it."""

    root: Path
    made: ExitStack

    def manager(self, accept: Literal["any", "plain"] = "any") -> EnvironmentManager:
        """A manager of it, exited in the end."""
        manager = EnvironmentManager(self.root, accept=accept)
        self.made.callback(manager.exit)
        return manager

    def environment(self, python: Path | None = None, accept: Literal["any", "plain"] = "any") -> ExternalEnvironment:
        """The environment of the tests, as one more program would open it."""
        executable = Path(sys.executable) if python is None else python
        prefix = Prefix(executable.parent.parent, executable, "venv")
        return self.manager(accept)._opened.open_foreign(NAME, prefix)

    @property
    def note(self) -> Party:
        """What is known of the live workers."""
        (note,) = known_keepers(self.root)
        return note

    @property
    def log(self) -> str:
        """What is in the log of the workers."""
        path = self.root / "environments.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def is_empty(self) -> bool:
        """Whether no keeper lives, and none has left anything."""
        folder = self.root / "state" / "keepers"
        return not known_keepers(self.root) and not [path for path in folder.glob("*") if path.suffix != ".lock"]


@contextmanager
def an_instance() -> Iterator[Instance]:
    """An instance whose managers, workers and keepers are ended afterwards, whatever has happened.

    Its path is short: where that of a socket is too long, keepers listen at a port.
    """
    with tempfile.TemporaryDirectory(prefix="an instance (ü) ") as folder, ExitStack() as made:
        root = Path(folder)
        try:
            yield Instance(root, made)
        finally:
            made.close()
            for note in known_keepers(root):
                for pid in (*said_pids(note), note.process.pid):
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                    eventually(lambda pid=pid: not is_running(pid), "it ends")  # type: ignore[misc]  # bound now
            known_keepers(root)  # sweeps


class Program:
    """Another program of the instance, see ``faults/saboteur_program.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self) -> Any:  # noqa: ANN401 - JSON
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program has ended with {self.process.wait(DEADLINE)}"
        return json.loads(line)

    def tell(self, word: str = "go") -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send it a signal; one that ends it has ended it when this returns."""
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(DEADLINE)


@contextmanager
def a_program(instance: Instance, what: str, *arguments: str) -> Iterator[Program]:
    """Start a program; it is killed in the end."""
    command = [sys.executable, str(PROGRAM), str(instance.root), what, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


def attached(instance: Instance, timeout: float = DEADLINE) -> ExternalEnvironment:
    """The environment of one more program, which has the workers."""
    environment = instance.environment()
    environment._attach(timeout)
    return environment


def begun(environment: ExternalEnvironment, go: Path, result: object = "done") -> Task[object]:
    """A call that runs until there is a file."""
    task = environment.submit(FUNCTIONS, "begins_until_path", (str(go), result))
    eventually(lambda: task.message, "it runs")
    return task


def said_pids(note: Party) -> list[int]:
    return [worker.process.pid for worker in note.workers]


@pytest.fixture
def instance() -> Iterator[Instance]:
    """An instance without workers."""
    with an_instance() as made:
        yield made


@pytest.fixture
def environment(instance: Instance) -> ExternalEnvironment:
    """With one persistent worker."""
    made = instance.environment()
    made.launch(persistent=True)
    return made
