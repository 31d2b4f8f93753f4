"""Whether a copy of this process would be a sound one: a fork takes no thread along but the one that asks for it."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_TASKS = "/proc/self/task"
_DEVICES = ("/dev/nvidia", "/dev/kfd")  # open from the moment when CUDA or ROCm is initialised


def why_not() -> "Optional[str]":
    """Why this process must not be forked, as the end of a sentence; None: it may be."""
    threads = _threads()
    if threads > 1:
        names = _names_of_threads()
        return f"{threads} threads run in it{names and ': ' + names}"
    device = _device()
    return device and f"it uses the GPU ({device})"


def settle() -> None:
    """Have native libraries end their idle threads, as those of OpenBLAS do when they are told of a fork.

    Threads that go on are found by `why_not`.
    """
    if _threads() > 1 and len(sys._current_frames()) == 1:  # noqa: SLF001 - the documented way
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def _threads() -> int:
    try:
        return len(os.listdir(_TASKS))
    except OSError:  # not Linux: those of native code are for the host to count
        return len(sys._current_frames())  # noqa: SLF001 - the documented way


def _names_of_threads() -> str:
    threads = getattr(sys.modules.get("threading"), "_active", {})
    return ", ".join(sorted(str(thread.name) for thread in threads.values() if thread.name != "MainThread"))


def _device() -> "Optional[str]":
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return None
    for descriptor in descriptors:
        try:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:  # that of the folder itself
            continue
        if path.startswith(_DEVICES):
            return path
    return None
