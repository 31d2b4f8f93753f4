"""A guardian ends the workers of a host that has disappeared.

A worker ends itself when its host is gone. One thing prevents that: native code that holds Python's lock for ever,
which no thread of that process can get past. So each pool has this one small process, which holds nothing but the pids
of the workers. The host writes ``+PID`` and ``-PID`` lines to its standard input; when that ends, the host is gone, and
what still runs after a grace is killed, with its process group.

POSIX only. It is run as a file by itself (``python -I -S guardian.py``) and imports nothing of ours.
"""

import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, Optional

GRACE_SECONDS = 2.5  # longer than the ladder that a worker climbs on itself
_PAUSE_SECONDS = 0.02
_LOOK_MILLISECONDS = 500
_KILL = 9


def started(pid: int) -> str:
    """When a process was started, in whatever form the system gives it; empty when there is none.

    Pids are reused: only pid and start time together are one process.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
            return "" if fields[0] == b"Z" else fields[19].decode()  # field 22 of proc(5)
    except (OSError, IndexError):
        pass
    if os.path.exists("/proc/self/stat"):
        return ""
    import subprocess  # noqa: PLC0415 - macOS, where there is no /proc

    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout.decode().strip()


def heard(pipe: int, host: int) -> "Iterator[str]":
    """The lines that the host writes, until it is gone.

    That is so when the pipe ends. But a child that the host has forked holds the pipe open, so the process itself is
    watched too, by Linux's ``pidfd``, or else by looking now and then.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    ended = _exit_descriptor(host)
    if ended is not None:
        poll.register(ended, select.POLLIN)
    parent = os.getppid()
    rest = b""
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(_LOOK_MILLISECONDS if ended is None else None)]
        if pipe in ready:
            read = os.read(pipe, 4096)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                yield line.decode("ascii")
        elif ended in ready or (ended is None and (os.getppid() != parent or not _exists(host))):
            return


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and not ours
        pass
    return True


def _exit_descriptor(pid: int) -> "Optional[int]":
    pidfd_open = getattr(os, "pidfd_open", None)  # Python 3.9 and later, on Linux
    try:
        return None if pidfd_open is None else int(pidfd_open(pid))
    except OSError:
        return None


def watch(lines: "Iterable[str]") -> "Dict[int, str]":
    """Follow who is a worker until the host is gone; who was one then."""
    workers: "Dict[int, str]" = {}
    for line in lines:
        pid = int(line[1:])
        if line.startswith("+"):
            workers[pid] = started(pid)
        else:
            workers.pop(pid, None)
    return workers


def end(workers: "Dict[int, str]", grace: float = GRACE_SECONDS) -> None:
    """Wait for the workers to end themselves, then kill the rest, and what all of them have left behind."""
    deadline = time.monotonic() + grace
    left = dict(workers)
    while left and time.monotonic() < deadline:
        left = {pid: start for pid, start in left.items() if start and started(pid) == start}
        time.sleep(_PAUSE_SECONDS if left else 0)
    for pid, start in workers.items():
        # Each worker leads a group, whose number is nobody else's as long as one of its children lives.
        if started(pid) in {"", start}:
            try:
                os.killpg(pid, _KILL)
            except OSError:  # nobody is left
                pass


if __name__ == "__main__":
    end(watch(heard(0, int(sys.argv[1]))))
