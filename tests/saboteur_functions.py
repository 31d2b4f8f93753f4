"""What a user's function may do to its worker, under any Python."""

# mypy: ignore-errors

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

LONG = 60.0


def raises():
    raise ValueError("bad input")


def exits_with_success():
    sys.exit(0)


def exits_with_words():
    sys.exit("no licence")


def leaves_at_once():
    os._exit(0)


def segfaults():
    ctypes.string_at(0)


def aborts():
    os.abort()


def killed_while_busy():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(LONG)


def killed_while_idle():
    """The alarm goes off when the function has long returned, and nobody handles it."""
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    return "done"


def hangs_in_python():
    while True:
        pass


def hangs_in_a_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hangs_in_c():
    """A deadlock of native code; Python's lock is held all the time."""
    native, lock = ctypes.PyDLL(None), ctypes.create_string_buffer(256)
    native.pthread_mutex_lock(lock)
    native.pthread_mutex_lock(lock)


def computes_in_c():
    return sum(range(10**12))


def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


def ignores_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            time.sleep(LONG)
        except BaseException:
            pass


def writes_to_descriptor_1():
    for _ in range(100):
        os.write(1, b"\x00\xff\x1e: no text, no line" * 50)
    return "done"


def closes_descriptor_1():
    os.close(1)
    return "done"


def closes_all_descriptors():
    os.closerange(3, 1000)
    return "done"


def floods_stderr():
    line = b"e" * 4000 + b"\n"
    for _ in range(5000):
        os.write(2, line)
    os.write(2, b"without end" * 500000)
    return "done"


def returns_what_cannot_be_sent():
    return {"good": 1, "bad": [lambda: None]}


class UnsendableError(Exception):
    def __init__(self, reason, lock):
        super().__init__(reason)
        self.lock = lock

    def __reduce__(self):
        raise TypeError("it stays here")


def raises_what_cannot_be_pickled():
    raise UnsendableError("holds a lock", threading.Lock())


class SpeechlessError(Exception):
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


def raises_what_has_no_repr():
    raise SpeechlessError


class InterruptingError(Exception):
    def __str__(self):
        raise KeyboardInterrupt


def raises_what_interrupts_when_shown():
    raise InterruptingError


class EndsTheProcess:
    """Whoever rebuilds it ends."""

    def __reduce__(self):
        return os._exit, (4,)


class EndsItsProcess:
    """Whoever takes it apart ends."""

    def __reduce__(self):
        os._exit(5)


class FailsToArrive:
    def __reduce__(self):
        return int, ("no number",)


def takes(value):
    return "done"


def dies_while_its_result_is_encoded():
    return [EndsItsProcess()]


def fails_while_its_result_is_encoded():
    return [FailsToLeave()]


class FailsToLeave:
    def __reduce__(self):
        raise SystemExit(6)


def recurses_without_end():
    return recurses_without_end()


def forks_a_child_that_stays():
    if os.fork() == 0:
        time.sleep(LONG)
        os._exit(0)
    return "done"


def starts_a_command_that_stays():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return "done"


def starts_lasting_threads():
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(LONG,)).start()
    return "done"


def leaves_shared_memory():
    from multiprocessing.shared_memory import SharedMemory

    _kept.append(SharedMemory(create=True, size=1 << 20))
    return "done"


def dies_with_shared_memory():
    leaves_shared_memory()
    os.kill(os.getpid(), signal.SIGKILL)


_kept = []


def eats_memory():
    """Bounded, so that the machine of the tests lives."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), before[1]))
    try:
        hoard = []
        while True:
            hoard.append(bytearray(8 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def raises_in_every_trace():
    def bomb(*_):
        raise RuntimeError("traced")

    sys.settrace(bomb)
    return "done"


def breaks_the_import_system():
    sys.meta_path.clear()
    sys.path.clear()
    return "done"


def deletes_its_prefix():
    shutil.rmtree(sys.prefix)
    return sys.prefix
