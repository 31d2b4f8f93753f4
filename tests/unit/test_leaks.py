"""The detector itself: it names each kind of thing a test can leave behind, and nothing else."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parents[1]
WAITING = """
import mmap, os, sys
if "HOLDS" in os.environ:
    with open(os.environ["HOLDS"], "r+b") as file: held = mmap.mmap(file.fileno(), 1)
print("ready", flush=True)
sys.stdin.read()
"""
# Ends at once and leaves its child behind, which has no parent of ours any more.
ABANDONING = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {WAITING!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
import os; os._exit(0)
"""


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def child(undo: ExitStack) -> subprocess.Popen[bytes]:
    waiting = undo.enter_context(
        subprocess.Popen([sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    undo.callback(waiting.kill)
    assert waiting.stdout is not None
    waiting.stdout.readline()
    return waiting


def process(undo: ExitStack) -> str:
    return f"process: {child(undo).pid}"


def abandoned_process(undo: ExitStack, env: dict[str, str] | None = None) -> str:
    read, write = os.pipe()
    with os.fdopen(read) as stdin:
        command = [sys.executable, "-c", ABANDONING]
        pid = int(subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, check=True, env=env).stdout)
    undo.callback(os.close, write)  # it ends at end-of-file
    return f"process: {pid}"


def thread(undo: ExitStack, *, daemon: bool = False) -> str:
    end = threading.Event()
    left = threading.Thread(target=end.wait, args=(60,), name="left", daemon=daemon)
    left.start()
    undo.callback(left.join)
    undo.callback(end.set)
    return f"thread: left ({'daemon' if daemon else 'non-daemon'})"


def daemon_thread(undo: ExitStack) -> str:
    return thread(undo, daemon=True)


def descriptor(undo: ExitStack) -> str:
    number = os.open(os.devnull, os.O_RDONLY)
    undo.callback(os.close, number)
    return f"descriptor: {number}"


def temporary_folder(undo: ExitStack) -> str:
    folder = tempfile.mkdtemp()
    undo.callback(os.rmdir, folder)
    return f"temporary file: {folder}"


def shared_memory(undo: ExitStack) -> str:
    if not leaks.SHARED_MEMORY.is_dir():
        pytest.skip("this operating system does not show its shared memory as files")
    path = leaks.SHARED_MEMORY / f"wetlands-test-{os.getpid()}"
    path.touch()
    undo.callback(path.unlink)
    return f"shared memory: {path}"


KINDS: list[Callable[[ExitStack], str]] = [process, thread, daemon_thread, descriptor, temporary_folder, shared_memory]
if leaks.FINDS_ABANDONED:
    KINDS.append(abandoned_process)


@pytest.mark.parametrize("leave", KINDS)
def test_what_is_left_behind_is_named(leave: Callable[[ExitStack], str], undo: ExitStack) -> None:
    before = leaks.snapshot()

    expected = leave(undo)

    assert any(str(leak).startswith(expected) for leak in leaks.new_since(before, settle=0))


@pytest.mark.parametrize("leave", KINDS)
def test_what_was_there_before_is_not_named(leave: Callable[[ExitStack], str], undo: ExitStack) -> None:
    leave(undo)

    before = leaks.snapshot()

    assert [] == leaks.new_since(before, settle=0)


@pytest.mark.parametrize("leave", KINDS)
def test_what_a_fixture_was_allowed_to_keep_is_not_named(leave: Callable[[ExitStack], str], undo: ExitStack) -> None:
    before = leaks.snapshot()

    with leaks.allow():
        leave(undo)

    assert [] == leaks.new_since(before, settle=0)


def test_what_is_made_after_the_allowed_block_is_named(undo: ExitStack) -> None:
    before = leaks.snapshot()
    with leaks.allow():
        descriptor(undo)

    expected = descriptor(undo)

    assert [expected] == [str(leak).split(" ->")[0] for leak in leaks.new_since(before, settle=0)]


def test_what_goes_away_by_itself_is_waited_for(undo: ExitStack) -> None:
    before = leaks.snapshot()
    leave_later = threading.Event()
    threading.Thread(target=leave_later.wait, args=(0.05,)).start()

    assert [] == leaks.new_since(before)


def test_what_only_a_reference_cycle_holds_is_no_leak() -> None:
    class Holder:
        def __init__(self, number: int) -> None:
            self.itself = self
            self.number = number

        def __del__(self) -> None:
            os.close(self.number)

    before = leaks.snapshot()
    gc.collect()
    Holder(os.open(os.devnull, os.O_RDONLY))

    assert [] == leaks.new_since(before)


def test_shared_memory_that_another_program_holds_is_not_ours(undo: ExitStack) -> None:
    if not leaks.SHARED_MEMORY.is_dir():
        pytest.skip("this operating system does not show its shared memory as files")
    path = leaks.SHARED_MEMORY / f"wetlands-test-{os.getpid()}-held"
    before = leaks.snapshot()
    path.write_bytes(b"x")
    undo.callback(path.unlink)
    abandoned_process(undo, env={"HOLDS": str(path)})

    assert "shared memory" not in {leak.kind for leak in leaks.new_since(before, settle=0)}


def test_leaked_processes_are_ended(undo: ExitStack) -> None:
    before = leaks.snapshot()
    leaked = child(undo)

    leaks.end(leaks.new_since(before, settle=0))

    assert leaked.wait(timeout=10) != 0


LEAKING_TESTS = """
import leaks, os, subprocess, sys, tempfile, threading
leaks.SETTLE_SECONDS = 0.1
kept = []
def test_process(): kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
def test_thread(): threading.Thread(target=threading.Event().wait, args=(2,)).start()
def test_daemon_thread(): threading.Thread(target=threading.Event().wait, daemon=True).start()
def test_descriptor(): kept.append(os.pipe())
def test_temporary_file(): tempfile.mkdtemp()
def test_nothing(): pass
"""


def test_a_test_that_leaves_something_behind_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leaking.py").write_text(LEAKING_TESTS)
    for name in ("conftest.py", "leaks.py", "interpreters.py"):
        (tmp_path / name).write_text((TESTS / name).read_text())
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(tmp_path / "base")]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]

    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    for name in ("process", "thread", "daemon_thread", "descriptor", "temporary_file"):
        assert f"ERROR test_leaking.py::test_{name} - Failed: the test left behind" in run.stdout
    assert "6 passed, 5 errors" in run.stdout
