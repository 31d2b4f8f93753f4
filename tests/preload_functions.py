"""Functions that workers run in tests of preload, under Python 3.8 too."""

# mypy: ignore-errors

import os
import signal
import sys
import time


def facts(_item=None):
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "loaded": "xml.dom.minidom" in sys.modules,
        "folder": os.getcwd(),
        "argv": sys.argv,
        "main": sys.modules["__main__"].__dict__.get("anything"),
    }


def variable(name):
    return os.environ.get(name)


def die(number):
    os.kill(os.getpid(), number)


def leave(code):
    os._exit(code)


def speaks(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    os.write(2, (text + " on stderr\n").encode())
    return os.getpid()


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            pass
    return found


def numbers():
    import random

    import numpy as np

    return random.random(), float(np.random.random())  # noqa: S311, NPY002 - what users do


def ignores_everything(task):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    task.update("ignores")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def children_of_all_kinds():
    import multiprocessing
    import subprocess

    with multiprocessing.get_context("fork").Pool(1) as pool:
        forked = pool.apply(abs, (-1,))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        spawned = pool.apply(abs, (-2,))
    output = subprocess.run([sys.executable, "-c", "print(3)"], stdout=subprocess.PIPE, check=True).stdout
    return forked, spawned, int(output)


def thread_names():
    import threading

    return [thread.name for thread in threading.enumerate()], threading.current_thread() is threading.main_thread()


def array_sum(array):
    return float(array.sum())


def echo(value):
    return value


_memory = []


def remember(value):
    _memory.append(value)


def remembered():
    (value,) = _memory
    return value
