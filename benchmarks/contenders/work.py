"""The functions that are called. Runs in the workers of all contenders, and imports next to nothing for them."""

import os
import time

SIGKILL = 9  # the module `signal` takes longer to import than a process takes to die
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Task(Protocol):
        """The handle of a task, as far as it is used here."""

        def update(
            self, message: "str | None" = None, *, current: "int | None" = None, maximum: "int | None" = None
        ) -> None:
            """Report progress."""


def nothing(value: object = None) -> object:
    """Return what was given."""
    return value


def size(value: object) -> int:
    """Look at an argument without reading it."""
    return len(value)  # type: ignore[arg-type]  # an array, of which nothing is imported here


def total(value: object) -> int:
    """Read all of an argument."""
    return int(value.sum())  # type: ignore[attr-defined]  # an array, as above


_made: "dict[int, object]" = {}


def made(count: int) -> object:
    """Return an array of so many bytes that was there before."""
    if count not in _made:
        import numpy as np

        _made[count] = np.ones(count, np.uint8)
    return _made[count]


def pid(_: object = None) -> int:
    """Which process this is."""
    return os.getpid()


def meet(place: str, number: int, count: int) -> int:
    """Return as soon as `count` processes have come to that folder: then all workers are there."""
    with open(os.path.join(place, str(number)), "w"):  # noqa: PTH118, PTH123 - pathlib takes 10 ms to import
        pass
    while len(os.listdir(place)) < count:  # noqa: PTH208 - as above
        time.sleep(0.0005)
    return number


def die(_: object = None) -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), SIGKILL)


def report(count: int, task: "Task") -> float:
    """Report progress `count` times; the seconds that took."""
    start = time.perf_counter()
    for number in range(count):
        task.update(current=number, maximum=count)
    return time.perf_counter() - start
