"""Functions that workers run in tests of their state: prepared, worn out, grown."""

# mypy: ignore-errors

import os
import time

_prepared = []
_held = []


def prepare(*words):
    _prepared.extend(words)


def prepared():
    return os.getpid(), list(_prepared)


def append_pid(path, word="x"):
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    _prepared.append(word)


def prepared_of(_item):
    return prepared()


def fail_if(path, started):
    with open(started, "a") as file:
        file.write(f"{os.getpid()}\n")
    if os.path.exists(path):
        raise ValueError("no weights")


def leave(code):
    os._exit(code)


def hold(size):
    _held.append(bytearray(os.urandom(1) * size))
    return os.getpid()


def pid(_item=None):
    return os.getpid()


def meet(folder, count):
    """Wait until so many processes are here; their number."""
    open(os.path.join(folder, str(os.getpid())), "w").close()
    deadline = time.monotonic() + 15
    while len(os.listdir(folder)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(len(os.listdir(folder)))
        time.sleep(0.005)
    return os.getpid()


def hold_and_die(size):
    hold(size)
    os.kill(os.getpid(), 9)


def hold_and_sleep(size):
    hold(size)
    time.sleep(60)


def sleep(seconds):
    time.sleep(seconds)
