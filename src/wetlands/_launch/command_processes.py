"""The processes that ``execute_commands`` started: their output, and their end with the manager."""

from __future__ import annotations

import io
import subprocess
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wetlands._launch.commands import start_commands
from wetlands._launch.output import ProcessLogger
from wetlands._platform.process import identify, kill_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._platform.process import ProcessIdentity

__all__ = ["CommandProcesses"]

# The output of so many ended processes can be read back; each holds a bounded number of lines.
_MOST_ENDED = 64
_TERMINATE_SECONDS = 1.0


@dataclass(frozen=True)
class _Started:
    process: subprocess.Popen[Any]  # Any: text or bytes, as the user's popen_kwargs say
    identity: ProcessIdentity | None
    output: ProcessLogger | None


class CommandProcesses:
    """What was started and not yet forgotten; safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._started: OrderedDict[int, _Started] = OrderedDict()

    def start(
        self,
        commands: Sequence[str],
        *,
        environment: Mapping[str, str],
        popen_kwargs: Mapping[str, Any] | None = None,  # Any: what Popen takes is the user's to know
        context: Mapping[str, object],
        log: bool = True,
    ) -> subprocess.Popen[Any]:
        """Start commands in one shell.

        Args:
            commands: Shell lines for this platform.
            environment: The variables of the activated environment, all of them.
            popen_kwargs: Replace our defaults of ``subprocess.Popen``.
            context: What the log says about each line.
            log: Whether we read and log the output; otherwise the caller reads it.

        Raises:
            OSError: The shell cannot be started.
        """
        process = start_commands(commands, environment=environment, popen_kwargs=popen_kwargs)
        output = ProcessLogger(process, context) if log else None
        self._remember(_Started(process, identify(process.pid), output))
        return process

    def wait(self, process: subprocess.Popen[Any]) -> None:
        """Wait until a process and its output have ended.

        Output that nobody reads meanwhile is read here, or a process that writes much would never end; it can be read
        from ``process.stdout`` afterwards as if it were still to come.
        """
        output = self._of(process).output
        if output is not None:
            process.wait()
            output.join()
            return
        stdout, stderr = process.communicate()
        process.stdout, process.stderr = _readable(stdout), _readable(stderr)

    def output_of(self, process: subprocess.Popen[Any]) -> ProcessLogger:
        """Return the output of a process; one whose output was left to the caller is read from now on.

        Raises:
            ValueError: It was not started here, or so long ago that its output was forgotten.
        """
        started = self._of(process)
        if started.output is not None:
            return started.output
        with self._guard:
            current = self._started[id(process)]
            output = current.output or ProcessLogger(process, log=False)
            self._started[id(process)] = _Started(process, current.identity, output)
        return output

    def stop(self) -> None:
        """End all that still run, with their children: asked first, killed a second later."""
        with self._guard:
            running = [started for started in self._started.values() if started.process.poll() is None]
            self._started.clear()
        for started in running:
            with suppress(OSError):
                started.process.terminate()
        for started in running:
            with suppress(subprocess.TimeoutExpired):
                started.process.wait(_TERMINATE_SECONDS)
            if started.identity is not None:
                kill_tree(started.identity)
            with suppress(subprocess.TimeoutExpired):
                started.process.wait(_TERMINATE_SECONDS)
            if started.output is not None:
                started.output.join(_TERMINATE_SECONDS)

    def _of(self, process: subprocess.Popen[Any]) -> _Started:
        with self._guard:
            started = self._started.get(id(process))
        if started is None or started.process is not process:
            raise ValueError(
                f"Process {process.pid} was not started by execute_commands() of this manager, or its output was "
                f"forgotten: that of the last {_MOST_ENDED} ended processes is kept."
            )
        return started

    def _remember(self, started: _Started) -> None:
        with self._guard:
            self._started[id(started.process)] = started
            ended = [key for key, entry in self._started.items() if entry.process.poll() is not None]
            for key in ended[: max(0, len(ended) - _MOST_ENDED)]:
                del self._started[key]


def _readable(content: str | bytes | None) -> io.StringIO | io.BytesIO | None:
    if content is None:
        return None
    return io.StringIO(content) if isinstance(content, str) else io.BytesIO(content)
