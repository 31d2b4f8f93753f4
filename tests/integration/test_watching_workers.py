"""`wetlands ps`, `top`, `stack` and `kill`, as a person uses them, on workers of another program, and on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dap import Editor
from houses import short_folder
from pools import DEADLINE, FUNCTIONS, eventually, is_running, suspend

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

PREFIX = Path(sys.executable).parents[1]
LOOPS = """\
import time

def loop(task):
    task.update("begun")
    turns = 0
    while True:
        turns += 1
        time.sleep(0.01)
"""
IN_THE_LOOP = 7
PROGRAM = """
import sys, time
from wetlands.environment_manager import EnvironmentManager
with EnvironmentManager(sys.argv[1], log_file_path=None) as manager:
    environment = manager.load("cellpose", sys.argv[2])
    environment.launch(max_workers=2)
    task = environment.submit(sys.argv[3], sys.argv[4])
    print("ready", flush=True)
    task.wait_for()
    print(task.error.message, flush=True)
    time.sleep(600)
"""


class Program:
    """Another program, which has two workers; one of them runs a task."""

    def __init__(self, root: Path, module: Path = FUNCTIONS, function: str = "sleeps") -> None:
        self.root = root
        command = [sys.executable, "-c", PROGRAM, str(root), str(PREFIX), str(module), function]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert "ready" == self.said()
        eventually(lambda: [row for row in self.ps() if row["message"] == "begun"], "it can be seen")

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wetlands(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wetlands", "-wip", str(self.root), *words]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False)

    def ps(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.wetlands("ps", "--json").stdout)
        return found

    def pids(self) -> list[int]:
        return [int(str(row["pid"])) for row in self.ps()]

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate(timeout=DEADLINE)


@contextmanager
def a_program(module: Path = FUNCTIONS, function: str = "sleeps") -> Iterator[Program]:
    with short_folder() as folder:
        program = Program(folder / "instance", module, function)
        pids = program.pids()
        try:
            yield program
        finally:
            program.close()
            eventually(lambda: not any(map(is_running, pids)), "the workers end with their program")


@pytest.fixture
def program() -> Iterator[Program]:
    with a_program() as program:
        yield program


def test_workers_of_another_program_are_seen_examined_and_stopped(program: Program) -> None:
    listed = program.wetlands("ps")
    assert (0, "") == (listed.returncode, listed.stderr)
    assert "pool_functions:sleeps" in listed.stdout
    assert "idle" in listed.stdout

    stacks = program.wetlands("stack", "-n", "cellpose")
    assert 0 == stacks.returncode
    assert "in sleeps" in stacks.stdout
    assert "time.sleep(seconds)" in stacks.stdout

    pids = program.pids()
    killed = program.wetlands("kill", "-n", "cellpose")
    assert (0, "") == (killed.returncode, killed.stderr)
    assert killed.stdout.startswith("Stopped 2 workers of cellpose")
    assert not any(map(is_running, pids))
    assert "Environment 'cellpose' was exited while pool_functions:sleeps was running" == program.said()
    assert 1 == program.wetlands("kill", "-n", "cellpose").returncode
    assert [] == program.ps()


def test_workers_of_a_program_that_is_stopped_are_killed(program: Program) -> None:
    pids = program.pids()
    suspend(program.process.pid)

    listed = program.wetlands("ps")
    assert 0 == listed.returncode
    assert 2 == listed.stdout.count("(no answer)")
    assert "does not answer" in listed.stderr
    assert 1 == program.wetlands("stack", "-n", "cellpose").returncode
    killed = program.wetlands("kill", "-n", "cellpose")
    assert 0 == killed.returncode
    assert killed.stdout.startswith("Killed 2 workers of cellpose")
    assert not any(map(is_running, pids))


def test_an_editor_stops_in_a_call_that_began_before_anybody_thought_of_debugging(tmp_path: Path) -> None:
    module = tmp_path / "loops.py"
    module.write_text(LOOPS)
    with a_program(module, "loop") as program:
        (busy,) = (row for row in program.ps() if row["state"] == "busy")
        debugged = program.wetlands("debug", "-s", str(tmp_path), "-n", "cellpose", "-ide", "pycharm")
        assert (0, "") == (debugged.returncode, debugged.stderr)
        where = re.search(rf"\(pid {busy['pid']}\) listens for a debugger on ([\d.]+):(\d+)", debugged.stdout)
        assert where is not None
        with Editor(where[1], int(where[2])) as editor:
            editor.attach({module: [IN_THE_LOOP]})
            thread, frame = editor.stopped()
            assert ("loop", IN_THE_LOOP) == (frame["name"], frame["line"])
            assert int(editor.locals(frame)["turns"]) > 0
            editor.go_on(thread)


class Terminal:
    """A terminal with a command in it, on which a test types and reads."""

    def __init__(self, command: list[str], columns: int, lines: int) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(theirs)
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        self.theirs = theirs
        self.text = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def shows(self, pattern: str) -> str:
        """Read until this has been written since the last call; what came before it."""
        deadline = time.monotonic() + DEADLINE
        while (match := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, f"{pattern!r} is not in {self.text!r}"
            if select.select([self.ours], [], [], 0.1)[0]:
                self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(self.ours, 65536).decode("utf-8", "replace"))
        before, self.text = self.text[: match.end()], self.text[match.end() :]
        return before

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def ended(self) -> int:
        """The exit code; what is written meanwhile must be read, or it does not end."""
        deadline = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.ours], [], [], 0.05)[0]:
                self.text += os.read(self.ours, 65536).decode("utf-8", "replace")
        return self.process.wait(1)

    @property
    def is_as_before(self) -> bool:
        return self.before == termios.tcgetattr(self.theirs)


@contextmanager
def terminal(program: Program, *words: str, columns: int = 120, lines: int = 30) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "wetlands", "-wip", str(program.root), *words]
    terminal = Terminal(command, columns, lines)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait(DEADLINE)
        os.close(terminal.ours)
        os.close(terminal.theirs)


def test_top_shows_what_changes_until_q_and_leaves_the_terminal_as_it_was(program: Program) -> None:
    with terminal(program, "top", "-i", "0.2") as screen:
        first = screen.shows("q quits")
        assert "1 program · 1 environment · 2 workers, 1 busy" in first
        assert "pool_functions:sleeps" in first
        screen.shows("wetlands top")
        screen.types("x")
        screen.shows("wetlands top")
        program.wetlands("kill", "-n", "cellpose")
        screen.shows("No workers run here")
        screen.types("q")

        assert 0 == screen.ended()
        assert screen.is_as_before


@pytest.mark.parametrize("columns, message", [(80, False), (120, True)])
def test_a_list_on_a_narrow_terminal_leaves_out_what_can_be_spared(
    program: Program, columns: int, message: bool
) -> None:
    with terminal(program, "ps", columns=columns) as screen:
        listed = screen.shows(r"sleeps[^\n]*\n")

        assert (message, message) == ("begun" in listed, " program" in listed)
        assert "cpu" in listed
        assert 0 == screen.ended()


def test_top_follows_the_size_of_the_window(program: Program) -> None:
    with terminal(program, "top", "-i", "60", columns=120) as screen:
        wide = screen.shows("q quits")
        assert 110 < max(map(len, wide.splitlines())) <= 120
        screen.resize(70, 20)
        screen.shows("wetlands top")
        narrow = screen.shows("q quits")
        assert 60 < max(map(len, narrow.splitlines())) <= 70


def test_ctrl_c_ends_top_like_q(program: Program) -> None:
    with terminal(program, "top") as screen:
        screen.shows("q quits")
        os.killpg(screen.process.pid, signal.SIGINT)

        assert 0 == screen.ended()
        assert screen.is_as_before


def test_a_program_that_does_not_answer_keeps_no_key_waiting(program: Program) -> None:
    with terminal(program, "top", "-i", "0.1") as screen:
        screen.shows("q quits")
        suspend(program.process.pid)
        screen.shows("does not answer")
        screen.types("q")
        began = time.monotonic()
        assert 0 == screen.ended()
        assert time.monotonic() - began < 5
