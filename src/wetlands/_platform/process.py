"""Processes of ours: start one so that its descendants can be found, know it again, kill all of it.

A process is its pid and its start time: pids are reused, the pair is not.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import psutil

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from wetlands._platform.system import System

__all__ = [
    "GroupOptions",
    "ProcessIdentity",
    "identify",
    "is_alive",
    "is_within",
    "kill_tree",
    "leads_nobody",
    "new_group",
]

# Documented values (Win32 "Process Creation Flags"); the subprocess module names them on Windows only.
_CREATE_NEW_PROCESS_GROUP = 0x00000200
_CREATE_NO_WINDOW = 0x08000000

# Readings of one start time differ by rounding, and by corrections of the clock; pids come back much later than this.
_SAME_START_SECONDS = 1.0
# Other people's children cannot be waited for, only looked at.
_LOOK_AGAIN_SECONDS = 0.01
# The process by which multiprocessing removes the shared memory of those that died. It ends itself after them.
_CLEANER = "multiprocessing.resource_tracker"
_CLEANING_SECONDS = 1.0


class GroupOptions(TypedDict, total=False):
    """Keyword arguments of ``subprocess.Popen``."""

    start_new_session: bool
    creationflags: int


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, never another one that was given its number later.

    Attributes:
        pid: Its number.
        started: When it was started, in seconds since the epoch.
    """

    pid: int
    started: float


def new_group(*, system: System = CURRENT) -> GroupOptions:
    """Return the ``Popen`` arguments for a process that leads its own group.

    A Ctrl+C in the terminal then reaches only us, who end the process in an orderly way. On Windows no console window
    opens, which would flash up in a graphical program.
    """
    if system == "posix":
        return {"start_new_session": True}
    return {"creationflags": _CREATE_NEW_PROCESS_GROUP | _CREATE_NO_WINDOW}


def identify(pid: int) -> ProcessIdentity | None:
    """Return who has this number now, or None."""
    try:
        return ProcessIdentity(pid, psutil.Process(pid).create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Say whether this very process runs; one that has ended and was not yet waited for does not."""
    process = _process(identity)
    return process is not None and _runs(process)


def is_within(ancestor: int, pid: int) -> bool:
    """Say whether a process was started by another one, directly or not."""
    try:
        return any(parent.pid == ancestor for parent in psutil.Process(pid).parents())
    except (psutil.Error, ValueError, OverflowError):  # no such process, or no number of one
        return False


def leads_nobody(pid: int) -> bool:
    """Say whether nothing is left of the group that a process led which has ended; on Windows that is not known."""
    killpg = getattr(os, "killpg", None)
    if killpg is None:
        return False
    try:
        killpg(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's group by now
        return True
    return False


def kill_tree(identity: ProcessIdentity, *, timeout: float = 5.0) -> bool:
    """Kill a process with all its descendants, and wait until they are gone.

    Descendants that were orphaned by the death of their parent are found too, as long as they stayed in the session of
    `identity` (POSIX, see `new_group`) or name its number as their parent (Windows). The caller still has to wait for
    `identity` itself if it is its child. A resource tracker of `multiprocessing` gets a second to remove what the
    others have left in shared memory, and longer while it is computing.

    Args:
        identity: The root of the tree; it may have ended already.
        timeout: Seconds to wait at most.

    Returns:
        Whether all are gone. False means the system does not let go of one, as in an uninterruptible read of a disk.
    """
    began = time.monotonic()
    while members := _members(identity):
        # A parent that is killed while it starts a child leaves one behind that this look has missed: hence the loop.
        elapsed = time.monotonic() - began
        spared = [member for member in members if _cleans_up(member, elapsed, timeout)]
        for member in members:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if member not in spared:
                    member.kill()
        limit = min(elapsed + _CLEANING_SECONDS, timeout) if spared else timeout
        while any(_runs(member) for member in members) and time.monotonic() - began < limit:
            time.sleep(_LOOK_AGAIN_SECONDS)
        if time.monotonic() - began >= timeout:
            return not _members(identity)
    return True


def _cleans_up(process: psutil.Process, elapsed: float, timeout: float) -> bool:
    """Say whether this is a resource tracker that may have something left to do."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if any(_CLEANER in word for word in process.cmdline()):
            # Past the second one that waits has nothing to do; on a machine with much to do it may still be starting.
            return elapsed < _CLEANING_SECONDS or (elapsed < timeout / 2 and process.status() == psutil.STATUS_RUNNING)
    return False


def _process(identity: ProcessIdentity) -> psutil.Process | None:
    try:
        process = psutil.Process(identity.pid)
        started = process.create_time()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if abs(started - identity.started) < _SAME_START_SECONDS else None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _members(identity: ProcessIdentity) -> list[psutil.Process]:
    """Return the living of the tree: the root first, so that it starts no more of them."""
    root = _process(identity)
    found: dict[int, psutil.Process] = {}
    if root is not None:
        found[root.pid] = root
        with suppress(psutil.NoSuchProcess):
            found.update((child.pid, child) for child in root.children(recursive=True))
    elif identify(identity.pid) is not None:
        return []  # the number belongs to somebody else now, and so does a session of that number
    for orphan in _orphans(identity):
        found.setdefault(orphan.pid, orphan)
    return [process for process in found.values() if _runs(process)]


def _orphans(identity: ProcessIdentity) -> list[psutil.Process]:
    orphans = []
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            if _leader(pid) != identity.pid:
                continue
            process = psutil.Process(pid)
            if process.create_time() >= identity.started - _SAME_START_SECONDS:
                orphans.append(process)
    return orphans


def _leader(pid: int) -> int:
    """Return the number by which the system remembers who began this: of the session, on Windows of the parent."""
    if sys.platform == "win32":
        return psutil.Process(pid).ppid()
    else:  # noqa: RET505 - mypy then knows that the other branch is not for this system
        return os.getsid(pid)
