"""A template of workers: a process that imports what all of them need, and of which they are forked in milliseconds.

What it does is told in `wetlands_worker.template`. A worker that is forked is the template's child and not ours, so the
template tells how it ended. Should the template itself be killed, its workers go on, and how they end is not known.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from reprlib import repr as brief
from typing import TYPE_CHECKING

from wetlands._launch.autopsy import Autopsy
from wetlands._launch.bytecode import bytecode_folder
from wetlands._launch.command import template_command, working_folder
from wetlands._launch.forked import ForkedChild, watch_orphans
from wetlands._launch.output import ProcessLogger
from wetlands._plain.decoding import decode_plain
from wetlands._plain.fields import failure_fields
from wetlands._platform.child import OwnChild
from wetlands._platform.inherit import inherit
from wetlands._platform.process import identify, is_within, new_group
from wetlands._platform.vitals import native_threads
from wetlands.exceptions import ExecutionException, LaunchError
from wetlands_worker.failures import TaskFailure
from wetlands_worker.letters import receive_letter, send_letter
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wetlands._launch.ends import Theirs

__all__ = ["NotForkableError", "Template"]

_IMPORT_SECONDS = 600.0
"""How long the modules may take; a cold start of a large library from a slow disk takes minutes."""

_ANSWER_SECONDS = 10.0
_LEAVE_SECONDS = 2.0
_STDERR_LINES = 50


class NotForkableError(Exception):
    """No worker can be forked now; the text says why, as the end of a sentence."""


class Template:
    """One template, started and not yet asked for anything.

    Args:
        python: The interpreter of the environment.
        variables: Its environment variables, all of them.
        who: How errors name the environment.
        context: What the log shall say about each line that it writes.

    Raises:
        LaunchError: The interpreter cannot be started.
    """

    def __init__(self, python: Path, variables: Mapping[str, str], *, who: str, context: Mapping[str, object]) -> None:
        self._who = who
        with ExitStack() as undo:
            self._socket, theirs = socket.socketpair()
            undo.callback(self._socket.close)
            self._socket.settimeout(None)
            theirs.settimeout(None)
            with theirs:
                self._process = OwnChild(_popen(python, theirs, variables, who))
            undo.pop_all()
        self.pid = self._process.pid
        self._output = ProcessLogger(self._process, context)
        self._asking = threading.Lock()
        self._answers: SimpleQueue[tuple[str, ForkedChild | str | None]] = SimpleQueue()
        self._children: dict[int, ForkedChild] = {}
        self._gone = threading.Event()
        self._reader: threading.Thread | None = None

    def load(self, modules: Sequence[str]) -> str | None:
        """Import these modules.

        Returns:
            Why no worker can be forked of it, as the end of a sentence; None: it can.

        Raises:
            LaunchError: One cannot be imported, or it takes minutes. The template is closed then.
        """
        try:
            reason = self._loaded(modules)
        except BaseException:  # also Ctrl-C
            self.close()
            raise
        self._reader = threading.Thread(target=self._read, name=f"wetlands-template-{self.pid}", daemon=True)
        self._reader.start()
        return reason or self._threads()

    def fork(self, theirs: Theirs, variables: Mapping[str, str], session: str) -> ForkedChild:
        """Fork a worker; it says hello later.

        Args:
            theirs: What it inherits, which stays the caller's to close.
            variables: The environment variables that it has beside those of the template.
            session: What the ids of this host's tasks start with.

        Raises:
            NotForkableError: It refuses, or is gone.
        """
        if (reason := self._threads()) is not None:
            raise NotForkableError(reason)
        token, shared = theirs.segment
        request = (dict(variables), working_folder(), token.partition(":")[2] or token, theirs.nonce, session)
        with ExitStack() as stack, self._asking:
            pipes = [os.pipe(), os.pipe()]
            for _, write in pipes:
                stack.callback(os.close, write)
            readers = [os.fdopen(read, "rb", 0) for read, _ in pipes]
            numbers = [sock.fileno() for sock in theirs.sockets]
            answer: ForkedChild | str | None = None
            with suppress(OSError):
                send_letter(self._socket, request, [*numbers, *theirs.page[1], *(w for _, w in pipes), *shared])
                answer = self._answer(theirs.nonce)
            if isinstance(answer, ForkedChild):
                answer.stdout, answer.stderr = readers
                return answer
            for reader in readers:
                reader.close()
            raise NotForkableError(answer or "it has ended")

    def close(self) -> None:
        """End it; workers that were forked of it have ended, or nobody learns how they do."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._process.wait(_LEAVE_SECONDS) is None:
            self._process.kill()
            self._process.wait(_LEAVE_SECONDS)
        if self._reader is not None:
            self._reader.join(_LEAVE_SECONDS)
        self._socket.close()
        self._output.join(_LEAVE_SECONDS)

    # ----------------------------------------------------------------- hearing

    def _loaded(self, modules: Sequence[str]) -> str | None:
        self._socket.settimeout(_IMPORT_SECONDS)
        try:
            send_letter(self._socket, list(modules))
            letter = receive_letter(self._socket, decode_plain, enclosed=False)
        except TimeoutError:
            reason = f"{', '.join(modules)}: not imported within {_IMPORT_SECONDS:g} s (preload)"
            raise LaunchError(self._who, reason, self._last_lines()) from None
        except (OSError, DecodeError):
            letter = None
        self._socket.settimeout(None)
        if letter is None:
            code = self._process.wait(_LEAVE_SECONDS)
            self._output.join(_LEAVE_SECONDS)
            reason = f"the process that imports {', '.join(modules)} (preload) {Autopsy.of(code, ())}"
            raise LaunchError(self._who, reason, self._last_lines())
        match letter[0]:
            case ("failed", str(name), plain):
                raise self._not_imported(name, plain)
            case ("ready", None):
                return None
            case ("ready", str(reason)):
                return reason
            case _:
                pass
        raise LaunchError(self._who, f"the process that imports for preload answered {brief(letter[0])}")

    def _not_imported(self, name: str, plain: object) -> LaunchError:
        try:
            category, message, traceback, frames, remote, _ = failure_fields(plain)
        except ValueError as problem:
            reason = f"{name} cannot be imported (preload), and its failure cannot be read: {problem}"
            return LaunchError(self._who, reason)
        failure = TaskFailure(
            category=category,
            message=message,
            call_target=name,
            traceback=traceback,
            traceback_frames=frames,
            remote_exception=remote,
        )
        cause = ExecutionException(failure)
        error = LaunchError(self._who, f"{name} cannot be imported (preload): {cause}", failure=failure)
        error.__cause__ = cause
        return error

    def _read(self) -> None:
        """Hear what the template says, until it has gone."""
        with suppress(OSError, DecodeError, ValueError, OverflowError):
            while (letter := receive_letter(self._socket, decode_plain, enclosed=False)) is not None:
                match letter[0]:
                    case ("forked", str(nonce), int(pid)) if identify(pid) is None or is_within(self.pid, pid):
                        child = self._children[pid] = ForkedChild(pid)
                        self._answers.put((nonce, child))
                    case ("refused", str(nonce), str(reason)):
                        self._answers.put((nonce, reason))
                    case ("ended", int(pid), int(status), int(peak)) if pid in self._children:
                        self._children.pop(pid).ended(status, peak)
                    case _:
                        break
        self._gone.set()
        self._answers.put(("", None))
        watch_orphans(list(self._children.values()))

    def _answer(self, nonce: str) -> ForkedChild | str | None:
        """The answer to a request; None when none will come. One to a request that Ctrl-C broke off is passed over."""
        with suppress(Empty):
            while not (self._gone.is_set() and self._answers.empty()):
                of, answer = self._answers.get(timeout=_ANSWER_SECONDS)
                if of in {nonce, ""}:
                    return answer
        return None

    def _threads(self) -> str | None:
        """Why it must not be forked, where it cannot count its own threads."""
        count = native_threads(self.pid)
        return None if count is None or count == 1 else f"{count} threads run in it"

    def _last_lines(self) -> Sequence[str]:
        return self._output.stderr_tail(_STDERR_LINES)


def _popen(python: Path, theirs: socket.socket, variables: Mapping[str, str], who: str) -> subprocess.Popen[bytes]:
    (number,), options = inherit((theirs,))
    try:
        return subprocess.Popen(
            template_command(python, number, bytecode_folder(variables)),
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
            **new_group(),
        )
    except OSError as error:
        raise LaunchError(who, f"{python} cannot be started ({error})") from error
