"""Memory that processes share by choice, for `shared` and `ndarray`: freed when its last user is gone, however he went.

On Linux it is a file without a name; another process of the same user opens it through ``/proc/<pid>/fd``. Elsewhere it
is a file in the temporary folder that each user locks, so that the last one removes it, and who comes later removes
what killed processes left. `multiprocessing.shared_memory` is not used: its resource tracker removes memory as soon as
the first process ends that saw it, and its names are limited to 30 characters on macOS.

Each process maps a memory once, however often it arrives. All pages are there from the beginning: a machine that has
none answers with an error, not with a signal at some later write.
"""

import errno
import os
import sys
import time
from _thread import allocate_lock
from contextlib import suppress
from mmap import mmap
from weakref import WeakValueDictionary, finalize

from wetlands_worker.memory_files import make_memory_file, seal_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Identity = tuple[int, int]

_fcntl: "Any"
try:
    import fcntl as _fcntl
except ImportError:  # Windows: a file that somebody uses cannot be removed there, which does what the locks do
    _fcntl = None

__all__ = ["Memory", "SharedMemory", "create", "find", "sweep"]

_PREFIX = "wl-"
_UNNAMED = 5
"""Of how many words the name of memory without a file name consists."""
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SMALL = 1 << 20  # to ask costs more than to make it
_YOUNG = 60.0
"""Seconds for which a file may be there and not locked yet."""

_lock = allocate_lock()
_mapped: "WeakValueDictionary[Identity, Memory]" = WeakValueDictionary()
_swept = False


class Memory(mmap):
    """A mapped piece of shared memory; arrays on it keep it alive, and with the last of them it is unmapped.

    It has no ``__del__``: while that runs, another thread still finds the memory in `_mapped` and would go on with what
    is closed. A finalizer runs when it cannot be found any more, and its file is open until then, so that no other file
    has its identity.

    Attributes:
        descriptor: The file.
        path: Where the file is; empty when it has no name.
        removed: Whether it was asked that no other process opens it any more.
    """

    descriptor: int
    path: str
    removed: bool

    @property
    def name(self) -> str:
        """What another process finds it by, as long as we have it."""
        if self.path:
            return self.path
        device, number = _identity(self.descriptor)
        return f"{_PREFIX}{os.getpid():x}-{self.descriptor:x}-{device:x}-{number:x}"

    def remove(self) -> None:
        """Let no other process open it any more; those that have it keep it."""
        self.removed = True
        if self.path:
            with suppress(OSError):  # removed before, or Windows, where the last user removes it
                os.unlink(self.path)


class SharedMemory:
    """Shared memory as a handle, with the names of `multiprocessing.shared_memory.SharedMemory`.

    It needs no care: memory is freed when nothing refers to it in any process, and when the processes die.

    Args:
        name: The memory to open; with `create`, it must be left out.
        create: Make new memory, filled with zeros.
        size: Its length in bytes.

    Raises:
        FileNotFoundError: There is no such memory any more.
        OSError: The machine has not so much memory.
        ValueError: Neither a name nor a size, or both.
    """

    __slots__ = ("_memory", "_name", "_size")

    def __init__(self, name: "str | None" = None, create: bool = False, size: int = 0) -> None:  # noqa: FBT001, FBT002 - the signature of the standard library
        if create == (name is not None) or size < 0:
            problem = "SharedMemory is either made, by create=True and a size, or opened, by a name"
            raise ValueError(problem)
        self._take(_made(size) if name is None else find(name), size)

    def _take(self, memory: Memory, size: int) -> None:
        self._memory: "Memory | None" = memory
        self._name = memory.name
        self._size = size or len(memory)

    @classmethod
    def of(cls, memory: Memory, size: int) -> "SharedMemory":
        """A handle for memory that is mapped here."""
        made = cls.__new__(cls)
        made._take(memory, size)  # noqa: SLF001 - our own
        return made

    @property
    def memory(self) -> Memory:
        """What is mapped.

        Raises:
            ValueError: It was closed.
        """
        if self._memory is None:
            problem = f"the shared memory {self._name} was closed here; use it before close() or dispose()"
            raise ValueError(problem)
        return self._memory

    @property
    def name(self) -> str:
        """What other processes of this machine and user open it by, as long as this one has it."""
        return self._name

    @property
    def size(self) -> int:
        """Its length in bytes; at least 1."""
        return self._size

    @property
    def buf(self) -> memoryview:
        """Its bytes, writable. A view that is kept keeps the memory, also after `close`."""
        return memoryview(self.memory)[: self._size]

    def close(self) -> None:
        """Let go of it here. Arrays that are still on it stay valid; a second call does nothing."""
        self._memory = None

    def unlink(self) -> None:
        """Let no other process open it any more; those that have it keep it."""
        if self._memory is not None:
            self._memory.remove()

    def __repr__(self) -> str:
        return f"SharedMemory({self._name!r}, size={self._size})"


def create(size: int) -> Memory:
    """Make memory that is filled with zeros.

    Args:
        size: At least how many bytes.

    Raises:
        OSError: The machine has not so much.
    """
    return _made(size)


def _made(size: int) -> Memory:
    size = max(size, 1)
    if size > _SMALL and size > _available():
        raise OSError(errno.ENOMEM, _too_large(size, "the machine has not so much left"))
    with suppress(OSError):
        return _filled(_unnamed(), size, "")
    folder = _folder()
    sweep(folder)
    path = os.path.join(folder, _PREFIX + os.urandom(8).hex())
    try:
        return _filled(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _private(), 0o600), size, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(path)
        raise OSError(error.errno, _too_large(size, error.strerror)) from error


def _too_large(size: int, reason: "str | None") -> str:
    return f"no shared memory of {size:,} bytes: {reason}. Free memory, or use a smaller array"


def _available() -> int:
    """How many bytes may be asked for. The system grants more to memory without a name, and kills somebody then."""
    available = sys.maxsize
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as table:
        available = int(table.read().partition(b"MemAvailable:")[2].split()[0]) << 10
    for limit in _GROUP_LIMITS:
        with suppress(OSError, ValueError), open(limit, "rb") as file:  # "max" where there is none
            available = min(available, int(file.read()))
    return available


def find(name: str) -> Memory:
    """Map the memory of a name, or take what is mapped here already.

    Raises:
        FileNotFoundError: There is no such memory any more.
        ValueError: It is no name of shared memory.
    """
    words = name.split("-")
    if not name.startswith(_PREFIX):
        if not os.path.isabs(name) or not os.path.basename(name).startswith(_PREFIX):
            problem = f"{name!r} is no name of shared memory"
            raise ValueError(problem)
        return _opened(name, name, None)
    if len(words) != _UNNAMED:
        problem = f"{name!r} is no name of shared memory"
        raise ValueError(problem)
    pid, descriptor, device, number = (int(word, 16) for word in words[1:])
    with _lock:
        here = _mapped.get((device, number))
    return here if here is not None else _opened(f"/proc/{pid}/fd/{descriptor}", "", (device, number))


def _opened(place: str, path: str, identity: "Identity | None") -> Memory:
    problem = (
        f"the shared memory {place} is gone: the process that sent it has ended or has let go of it before "
        "this one opened it. Keep it there for as long as it is on its way"
    )
    try:
        descriptor = os.open(place, os.O_RDWR | _private())
    except OSError as error:
        raise FileNotFoundError(errno.ENOENT, problem) from error
    found = _identity(descriptor)
    with _lock:
        here = _mapped.get(found)
    if here is None and identity in (None, found):
        return _mapping(descriptor, os.fstat(descriptor).st_size, path)
    os.close(descriptor)
    if here is None or identity not in (None, found):
        raise FileNotFoundError(errno.ENOENT, problem)
    return here


def _filled(descriptor: int, size: int, path: str) -> Memory:
    try:
        os.ftruncate(descriptor, size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        if not path:
            seal_length(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return _mapping(descriptor, size, path)


def _mapping(descriptor: int, size: int, path: str) -> Memory:
    """The file, which belongs to the memory from here on, mapped; closed when that fails."""
    try:
        if path and _fcntl is not None:
            _fcntl.flock(descriptor, _fcntl.LOCK_SH)
        memory = Memory(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise
    # At exit as well for a file with a name. One without a name ends with the process.
    finalize(memory, _let_go, descriptor, path, os.getpid()).atexit = bool(path)
    memory.path = path
    memory.removed = False
    memory.descriptor = descriptor
    with _lock:
        return _mapped.setdefault(_identity(descriptor), memory)


def _let_go(descriptor: int, path: str, process: int) -> None:
    """Close a file; one with a name is removed if nobody else uses it, unless a forked process lets go of it."""
    if path and process == os.getpid():
        _remove_unless_used(path, descriptor)
    else:
        os.close(descriptor)


def _identity(descriptor: int) -> "Identity":
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino


def _unnamed() -> int:
    if not os.path.exists("/proc/self/fd"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return make_memory_file("wetlands-shared")


def _private() -> int:
    return getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)


def _folder() -> str:
    from tempfile import gettempdir  # noqa: PLC0415 - slow to import, and only where memory needs a name

    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    folder = os.path.join(gettempdir(), f"wetlands-shared-{user}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and os.stat(folder).st_uid != os.getuid():
        raise PermissionError(errno.EPERM, f"{folder} belongs to another user; remove it, or set TMPDIR")
    return folder


def sweep(folder: str, *, young: float = _YOUNG) -> None:
    """Remove what killed processes left, once for each process.

    Args:
        folder: Where the files are.
        young: For how many seconds a file may be there and not locked yet.
    """
    global _swept  # noqa: PLW0603 - one for the process; twice does no harm
    if _swept and young == _YOUNG:
        return
    _swept = True
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with suppress(OSError):
            if name.startswith(_PREFIX) and time.time() - os.stat(path).st_mtime >= young:
                _remove_unless_used(path, os.open(path, os.O_RDWR | _private()))


def _remove_unless_used(path: str, descriptor: int) -> None:
    """Close a file, and remove it if nobody else uses it."""
    try:
        if _fcntl is not None:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)  # fails where somebody has it
            os.unlink(path)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    if _fcntl is None:
        with suppress(OSError):  # in use
            os.unlink(path)


def _renew() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not in the forked process may have had it
    _lock = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
