"""The keeper of persistent workers: their parent, which stays when the program that launched them has gone.

Who runs it: the host, as ``python -I -S <this package> keeper SETTINGS``, detached from its terminal, its session and
its current folder; the settings are JSON. It never runs code of the user, so it always answers: it listens at a door
(`doors`), knows who has the workers (one program at a time, for as long as that holds its connection), passes programs
on to workers, reads what these write, and notes how they end. The table of `messages` says what a program asks of it.

It ends when no worker is left and no program is there; idle workers without a program are sent home when they have
been idle for long enough, or when their environment has been replaced. When it is killed, its workers end too.
"""

import json
import os
import signal
import socket
import threading
from functools import partial
from time import monotonic, time

from wetlands_worker import looking, messages
from wetlands_worker.doors import Door
from wetlands_worker.frames import BrokenFrameError
from wetlands_worker.keeper_log import KeeperLog
from wetlands_worker.keeper_looks import answer
from wetlands_worker.keeper_programs import Program, Ticket
from wetlands_worker.keeper_worker import KeptWorker
from wetlands_worker.values import DecodeError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

__all__ = ["main"]

_LOOK_SECONDS = 1.0
_TICKET_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0
"""For so long a keeper waits for its first program."""

_STREAMS = {1: "stdout", 2: "stderr"}
_LEAVE_SECONDS = 4.0
"""A worker that was told to leave ends itself within two."""


def main(arguments: "List[str]") -> None:
    """Listen, say where, and keep workers until none is left."""
    settings: "Dict[str, Any]" = json.loads(arguments[1])  # Any: JSON
    _detach()
    try:
        with open(settings["key"], "rb") as file:
            key = file.read()
        keeper = Keeper(settings)
        keeper.door.serve(key, keeper.welcome)
    except Exception as error:  # noqa: BLE001 - whatever it is, who waits for us is told
        _say({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    _say({"pid": os.getpid(), "address": keeper.door.address})
    _silence()
    signal.signal(signal.SIGTERM, lambda _number, _frame: keeper.end())
    keeper.keep()


def _say(what: "Dict[str, object]") -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _detach() -> None:
    """Be nobody's child, in no folder that somebody may want to remove."""
    os.chdir(os.path.abspath(os.sep))
    if hasattr(os, "fork") and os.fork():
        os._exit(0)


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


class Keeper:
    """The workers of one environment, and who has them.

    Args:
        settings: ``folder`` for the socket and the file that says where we are, ``environment``, ``generation`` (or
            None), ``record`` (the file that says which generation is current), ``log``, ``tcp``, ``keep_seconds``,
            ``version`` and ``program`` of who launches; ``key``, the file of the key, is for `main`.

    Attributes:
        door: Where programs come in.
        environment: The name of the environment.
        program: Who has the workers now, or None.
    """

    def __init__(self, settings: "Dict[str, Any]") -> None:  # Any: JSON
        self._settings = settings
        self._folder: str = settings["folder"]
        name = f"{os.getpid()}-{os.urandom(4).hex()}"  # processes of several machines may share the disk
        self._note = os.path.join(self._folder, f"{name}.json")
        self.environment: str = settings["environment"]
        self._log = KeeperLog(settings["log"] or "", self.environment)
        self._workers: "Dict[int, KeptWorker]" = {}
        self.program: "Optional[Program]" = None
        self._plan: "Any" = None  # Any: the programs', see LAUNCHED
        self._started = 0.0
        self._since = time()
        self._alone_since = monotonic()
        self._tickets: "Dict[str, Ticket]" = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._over = threading.Event()
        self._closing = False  # whether nobody is let in any more
        self._told_to_end = False
        self.door = Door.open(self._folder, f"{name}.sock", settings["tcp"])

    # -------------------------------------------------------------- its own life

    def keep(self) -> None:
        """Look after the workers until there is nothing to keep."""
        try:
            while not self._over.wait(_LOOK_SECONDS) and not self._told_to_end:
                self._look()
            self._closing = True
            self.dismiss(self.workers())  # there are some only if this process was told to end
        finally:
            try:
                os.unlink(self._note)
            except OSError:
                pass
            self.door.close()
        os._exit(0)

    def end(self) -> None:
        """Send all workers home, and end; from a signal handler, which must not take any lock."""
        self._told_to_end = True

    def _look(self) -> None:
        now = monotonic()
        with self._lock:
            for name, ticket in list(self._tickets.items()):
                if now - ticket.made > _TICKET_SECONDS:
                    del self._tickets[name]
                    ticket.close()
            if self._plan is not None and not os.path.exists(self._note):
                self._write_note()  # the disk was full, or somebody has removed it
            if self.program is not None:
                self.program.look()
                return
            if not self._workers and (self._plan is not None or now - self._alone_since > _PATIENCE_SECONDS):
                self._over.set()
            workers = list(self._workers.values())
            reason = self._reason_to_leave(workers, now) if workers else None
            self._closing |= reason is not None
        if reason is not None:
            self._log.say(f"The workers without a program end: {reason}")
            self.dismiss(workers)
            return
        for worker in workers:
            if worker.is_needed:
                worker.ask_state()

    def _reason_to_leave(self, workers: "List[KeptWorker]", now: float) -> "Optional[str]":
        if any(worker.is_needed for worker in workers):
            return None
        if self._was_replaced():
            return "their environment was replaced or deleted"
        timeout = None if self._plan is None else self._plan["idle_timeout"]
        idle = now - max(self._alone_since, *(worker.idle_since for worker in workers))
        return f"they were idle for {timeout:g} s" if timeout is not None and idle >= timeout else None

    def _was_replaced(self) -> bool:
        record = self._settings["record"]
        if record is None:
            return False
        try:
            with open(record, encoding="utf-8") as file:
                return bool(json.load(file).get("generation") != self._settings["generation"])
        except FileNotFoundError:
            return True
        except (OSError, ValueError, AttributeError):  # being replaced now, or damaged: somebody else's to tell
            return False

    def workers(self) -> "List[KeptWorker]":
        """Those that live, by their index."""
        with self._lock:
            return sorted(self._workers.values(), key=lambda worker: worker.index)

    def dismiss(self, workers: "List[KeptWorker]") -> None:
        """Have workers end, by growing force, and wait for it."""
        for worker in workers:
            worker.leave()
        end = monotonic() + _LEAVE_SECONDS
        with self._changed:
            while any(worker.pid in self._workers for worker in workers) and monotonic() < end:
                self._changed.wait(max(0.0, end - monotonic()))
            left = [worker for worker in workers if worker.pid in self._workers]
        for worker in left:
            worker.kill()

    # ---------------------------------------------------------------- programs

    def welcome(self, sock: "socket.socket", purpose: bytes) -> None:
        """Somebody has proved the key: what for? Called on a thread of its own."""
        kind, _, rest = purpose.decode("utf-8", "replace").partition(":")
        if kind == "claim":
            self._serve(Program(sock, rest))
        elif purpose == looking.PURPOSE:
            looking.serve_looks(sock, partial(answer, self))
        elif kind in {"call", "control"}:
            self._complete(rest, lambda ticket: ticket.sockets.__setitem__(kind, sock))
        else:
            sock.close()

    def _serve(self, program: Program) -> None:
        try:
            if self._claimed(program):
                self._talk(program)
        except (OSError, BrokenFrameError, DecodeError):
            pass
        finally:
            self._left(program)
            program.connection.close()

    def _claimed(self, program: Program) -> bool:
        """Wait until the workers are free, and take them; whether it is still there then."""
        with self._changed:
            other = self.program
        if other is not None and not program.tell(messages.HELD, 0, (other.pid, other.name, other.since)):
            return False
        with self._changed:
            while self.program is not None and not self._closing:
                if program.has_gone():
                    return False
                self._changed.wait(_LOOK_SECONDS)  # that it gives up is not told by the condition
            if self._closing:
                return False
            self.program = program
            workers = [(worker.index, worker.pid, worker.nonce) for worker in self._workers.values()]
        program.watch()
        if self._plan is not None:
            self._log.say(f"Program {program.pid} ({program.name}) has the workers now")
        return program.tell(messages.WELCOME, 0, (self._plan, workers))

    def _talk(self, program: Program) -> None:
        while True:
            frame = program.connection.receive()
            if frame is None:
                return
            kind, number, body, buffers = frame
            value: "Any" = decode(body, buffers)  # Any: see the table of messages
            if kind == messages.START:
                program.tell(messages.DONE, number, self._start(*value))
            elif kind == messages.ATTACH:
                self._attach(number, *value)
            elif kind == messages.LEAVE:
                with self._lock:
                    worker = self._workers.get(number)
                if worker is not None:
                    worker.leave()
            elif kind == messages.LAUNCHED:
                program.tell(messages.DONE, number, self._launched(*value))
            else:
                return

    def _left(self, program: Program) -> None:
        if self.program is not program:
            return
        for worker in self.workers():  # first: what passes the next program on must come after it
            worker.hang_up()
        with self._changed:
            for worker in self._workers.values():
                worker.state = None
            self._closing |= self._plan is None or not self._workers
            self.program = None
            self._alone_since = monotonic()
            self._changed.notify_all()
            workers = list(self._workers.values())
        if self._plan is None:  # it went before its workers were ready
            self.dismiss(workers)
            self._over.set()
            return
        if not workers:
            self._over.set()
            return
        self._log.say(f"Program {program.pid} ({program.name}) has left its workers: they stay")

    # ----------------------------------------------------------------- workers

    def _start(self, index: int, command: "List[str]", variables: "Dict[str, str]") -> object:
        keep_seconds = self._settings["keep_seconds"]
        try:
            worker = KeptWorker(index, command, variables, keep_seconds, wrote=self._wrote, ended=self._ended)
        except (OSError, ValueError) as error:
            return str(error)
        with self._lock:
            self._workers[worker.pid] = worker
        worker.follow()
        return worker.pid, worker.nonce

    def _attach(self, pid: int, name: str, *tokens: str) -> None:
        def complete(ticket: Ticket) -> None:
            ticket.worker, ticket.tokens = self._workers.get(pid), tokens

        self._complete(name, complete)

    def _complete(self, name: str, add: "Any") -> None:  # Any: a function of a ticket
        with self._lock:
            ticket = self._tickets.setdefault(name, Ticket())
            add(ticket)
            if not ticket.is_whole:
                if ticket.tokens and ticket.worker is None:  # that worker has ended: there is nothing to wait for
                    ticket.close()
                return
            del self._tickets[name]
        if ticket.worker is not None:
            ticket.worker.attach(ticket.tokens, [ticket.sockets["call"], ticket.sockets["control"]])
        ticket.close()

    def _launched(self, plan: "Dict[str, Any]", started: "Dict[int, float]") -> "Optional[str]":  # Any: see LAUNCHED
        """Let other programs find the workers; why they cannot, or None."""
        with self._lock:
            self._plan = plan
            self._log.hide(plan["secrets"])
            for pid, when in started.items():
                if pid == os.getpid():
                    self._started = when
                elif pid in self._workers:
                    self._workers[pid].started = when
            return self._write_note()

    def _wrote(self, worker: KeptWorker, number: int, data: bytes) -> None:
        program = self.program
        if program is not None and data and worker.pid in self._workers:  # else a child of it writes, which is left
            try:
                program.connection.send(messages.WROTE, worker.pid, bytes((number,)) + data)
            except OSError:
                pass
            else:
                worker.lines[number].skip(data)
                return
        self._log.wrote(worker.index, _STREAMS[number], worker.lines[number].feed(data))

    def _ended(self, worker: KeptWorker, status: int, peak: int) -> None:
        with self._changed:
            self._workers.pop(worker.pid, None)
            program = self.program
            if self._plan is not None:
                self._write_note()
            self._changed.notify_all()
        if program is None or not program.tell(messages.ENDED, worker.pid, (status, peak)):
            kept = 0 if worker.state is None else len(worker.state[1])
            lost = f"; {kept} result(s) that no program had fetched went with it" if kept else ""
            self._log.say(f"Worker {worker.index} pid {worker.pid} ended, {_how(status)}{lost}", "WARNING")

    def _write_note(self) -> "Optional[str]":
        """Say to other programs where we are; why that cannot be done, or None. The lock is held."""
        settings = self._settings
        note = {
            "environment": self.environment,
            "generation": settings["generation"],
            "pid": os.getpid(),
            "started": self._started,
            "address": self.door.address,
            "protocol": messages.PROTOCOL_VERSION,
            "machine": socket.gethostname(),
            "version": settings["version"],
            "program": settings["program"],
            "since": self._since,
            "workers": [
                {"index": worker.index, "pid": worker.pid, "started": worker.started}
                for worker in self._workers.values()
            ],
        }
        staged = f"{self._note}.tmp"
        try:
            with open(staged, "w", encoding="utf-8") as file:
                json.dump(note, file)
            os.replace(staged, self._note)
        except OSError as error:
            return f"{self._note} cannot be written, by which other programs find the workers ({error})"
        return None


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"by signal {os.WTERMSIG(status)}"
    return f"with exit code {os.WEXITSTATUS(status)}"
