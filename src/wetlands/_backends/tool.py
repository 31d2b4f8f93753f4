"""Runs one command-line tool to its end, or to the end that the observer wishes."""

from __future__ import annotations

import queue
import shlex
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._platform.process import identify, kill_tree, new_group
from wetlands._spec.secrets import masked
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from wetlands._backends.api import BuildObserver

__all__ = ["run_tool"]

_TAIL_LINES = 60
# The observer can only be asked, it cannot wake us: this is how long a cancellation may go unnoticed.
_ASK_SECONDS = 0.1
# A tool that has ended may leave a child that holds our pipe: how long a last word of it is waited for.
_LAST_WORDS_SECONDS = 2.0
_KILL_SECONDS = 10.0


def run_tool(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    observer: BuildObserver,
    cwd: Path | None = None,
    label: str | None = None,
    advise: Callable[[Sequence[str]], str] = lambda _: "",
    unmasked: list[str] | None = None,
) -> list[str]:
    r"""Run a tool, handing each line it writes to ``observer.output`` while it runs.

    Standard output and error are read as one, as UTF-8 with replacement; ``\r`` ends a line too, so progress bars are
    seen as they move. The tool has no standard input. Whatever way this ends, by success, error, cancellation,
    Ctrl+C or an exception of the observer: no process of the tool is left.

    Args:
        argv: The program and its arguments. Credentials in URLs are masked wherever the command is shown.
        env: The whole environment of the tool.
        observer: Hears the lines and may ask to stop.
        cwd: The folder to run in, by default ours.
        label: What errors call the command, where its arguments are not to be shown; by default the command line.
        advise: Makes the advice of an error from the last lines of the output.
        unmasked: Gets all lines as they are: for data to be read, never to be shown.

    Returns:
        All lines, masked.

    Raises:
        CommandFailedError: The exit code is not zero.
        ProvisioningCanceledError: The observer asked to stop.
        ProvisioningError: The program cannot be started.
    """
    command = label or masked(shlex.join(argv))
    lines: list[str] = []

    def stop_if_asked() -> None:
        if observer.cancel_requested:
            raise ProvisioningCanceledError(f"`{command}` was stopped because the build was cancelled.")

    stop_if_asked()
    with _Tool(_start(argv, command, env=env, cwd=cwd)) as tool:
        for line in tool.lines(stop_if_asked):
            lines.append(masked(line))
            if unmasked is not None:
                unmasked.append(line)
            observer.output(lines[-1])
        exit_code = tool.wait(stop_if_asked)
    if exit_code != 0:
        tail = lines[-_TAIL_LINES:]
        raise CommandFailedError(command, exit_code, tail, advise(tail))
    return lines


def _start(argv: Sequence[str], command: str, *, env: Mapping[str, str], cwd: Path | None) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            **new_group(),
        )
    except OSError as error:
        raise ProvisioningError(f"`{command}` could not be started: {error}.") from error


class _Tool:
    """A started tool; leaving the ``with`` block leaves nothing of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._identity = identify(process.pid)
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # Only POSIX can wait for a pipe with a time limit: so a thread waits for the pipe, and we for the thread.
        self._reader = threading.Thread(target=self._read, name="wetlands-tool-output", daemon=True)

    def __enter__(self) -> _Tool:  # noqa: PYI034 - typing.Self is not in Python 3.10, and nothing derives from this
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # In a thread, which a second Ctrl+C does not reach: it may end our waiting, not the killing.
        ending = threading.Thread(target=self._end, name="wetlands-tool-end")
        ending.start()
        ending.join()

    def lines(self, stop_if_asked: Callable[[], None]) -> Iterator[str]:
        """Yield what is written until nobody can write any more, asking in between whether to stop."""
        heard = time.monotonic()
        while True:
            stop_if_asked()
            try:
                line = self._queue.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                if self._process.poll() is not None and time.monotonic() - heard > _LAST_WORDS_SECONDS:
                    return  # a child that was left behind keeps the pipe open
                continue
            if line is None:
                return
            heard = time.monotonic()
            yield line

    def wait(self, stop_if_asked: Callable[[], None]) -> int:
        """Wait for the end of the tool, which may have closed its output earlier."""
        while True:
            stop_if_asked()
            try:
                return self._process.wait(_ASK_SECONDS)
            except subprocess.TimeoutExpired:
                continue

    def _read(self) -> None:
        """Move lines from the pipe to the queue; universal newlines make a carriage return the end of a line."""
        try:
            if self._process.stdout is not None:
                with self._process.stdout as stdout:
                    for line in stdout:
                        self._queue.put(line.rstrip("\n"))
        finally:
            self._queue.put(None)

    def _end(self) -> None:
        self._kill()
        with suppress(subprocess.TimeoutExpired):  # the system does not let go of it, as in a read of a broken disk
            self._process.wait(_KILL_SECONDS)
        self._reader.join(_KILL_SECONDS)

    def _kill(self) -> None:
        if self._identity is not None:
            kill_tree(self._identity, timeout=_KILL_SECONDS)
        elif self._process.poll() is None:
            self._process.kill()
