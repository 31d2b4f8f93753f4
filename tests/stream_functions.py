"""Generators that the workers of the tests run, under Python 3.8 too."""

# mypy: ignore-errors

import asyncio
import os
import signal
import threading
import time

DEADLINE = 30.0


def note(path, text):
    with open(path, "a") as file:
        file.write(text + "\n")


def count(number, log=None):
    try:
        for item in range(number):
            if log is not None:
                note(log, f"made {item}")
            yield item
    finally:
        if log is not None:
            note(log, "closed")
    return f"counted to {number}"


async def count_asynchronously(number, log=None):
    try:
        for item in range(number):
            await asyncio.sleep(0)
            yield item
    finally:
        if log is not None:
            note(log, "closed")


async def ticks_while_waiting(log):
    """A background task of the generator's event loop goes on while it waits for credit."""

    async def tick():
        while True:
            note(log, "tick")
            await asyncio.sleep(0.001)

    ticking = asyncio.ensure_future(tick())
    yield 0
    yield 1
    ticking.cancel()


def fails_after(number):
    yield from range(number)
    raise ValueError("bad item") from KeyError("cause")


def fails_at_once():
    raise ValueError("no stream")


def fails_when_closed():
    try:
        yield 0
        yield 1
        yield 2
    finally:
        raise ValueError("cannot tidy up")


def ignores_its_close():
    while True:
        try:
            yield 0
        except GeneratorExit:
            yield 1


def one_value(value=3):
    return value


def list_of(*items):
    return list(items)


def iterator_of(*items):
    return iter(items)


def unsendable_item():
    yield 0
    yield lambda: None


def arrays(count, size):
    import numpy as np

    for index in range(count):
        yield np.full(size, index, dtype="int32")


def one_array_again_and_again(count):
    """The same memory is written anew for each item."""
    import numpy as np

    array = np.zeros(100_000, dtype="int64")
    for index in range(count):
        array[:] = index
        yield array


def bytes_of(sizes):
    for size in sizes:
        yield bytes(size)


def dies_after(number):
    yield from range(number)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(DEADLINE)


def sleeps_after(number, seconds=60):
    yield from range(number)
    time.sleep(seconds)
    yield number


def naps(number, seconds):
    for item in range(number):
        time.sleep(seconds)
        yield item


def spins_until_canceled(log, task):
    yield 0
    task.update("spins")
    deadline = time.monotonic() + DEADLINE
    while not task.cancel_requested and time.monotonic() < deadline:
        time.sleep(0.001)
    note(log, "saw it")
    yield 1
    note(log, "went on")


def reports(number, task):
    for item in range(number):
        task.update(f"item {item}", current=item + 1, maximum=number)
        yield item
    task.set_output("sum", sum(range(number)))


def threads(number):
    for item in range(number):
        assert item < number
        yield threading.current_thread() is threading.main_thread()


def pids(number):
    for _ in range(number):
        yield os.getpid()


def forks_inside(number):
    for item in range(number):
        child = os.fork()
        if child == 0:
            yield "from the child"
            os._exit(1)
        os.waitpid(child, 0)
        yield item


def add(first, second=0):
    return first + second
