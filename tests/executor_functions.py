"""What the tests of the executor hand over: functions of a file of the program, under Python 3.8 too."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands.task import RemoteTaskHandle

    Function = Callable[..., Any]

OFFSET = 100
DEADLINE = 30.0


def add(first: int, second: int = 1) -> int:
    return first + second + OFFSET


def summed(numbers: list[int]) -> int:
    total = sum(numbers)
    return total  # noqa: RET504 - the line at which a debugger stops, where `total` is known


def fails(value: object) -> None:
    raise ValueError(value)  # the line that the traceback shows


def pid(_: object = None) -> int:
    return os.getpid()


def die() -> None:
    os._exit(3)


def module_name() -> str:
    return __name__


def until_canceled(path: str, task: RemoteTaskHandle) -> str:
    touch(path)
    deadline = time.monotonic() + DEADLINE
    while not task.cancel_requested:
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.001)
    task.cancel()
    return "dropped"


def wait_for_file(path: str) -> str:
    touch(path + ".begun")
    deadline = time.monotonic() + DEADLINE
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.001)
    return path


def touch(path: str) -> None:
    with open(path, "a"):
        pass


async def coroutine(value: object) -> object:
    return value


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8 has no cache()
def cached(value: object) -> object:
    return value


def traced(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: object) -> object:
        return ["traced", function(*args)]

    return wrapper


@traced
def decorated(value: object) -> object:
    return value


class Model:
    """A class of the program, whose objects cross."""

    class Inner:
        @staticmethod
        def double(value: int) -> int:
            return value * 2

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def scaled(self, value: int) -> int:
        return value * self.factor

    def __call__(self, value: int) -> int:
        return value * self.factor + 1

    def __hidden(self, value: int) -> int:
        return value - self.factor

    def hidden(self) -> Function:
        return self.__hidden

    @staticmethod
    def half(value: int) -> int:
        return value // 2

    @classmethod
    def name(cls, value: object) -> object:
        return [cls.__name__, value]


class Derived(Model):
    """Inherits what is called."""


square = lambda value: value * value  # noqa: E731 - a lambda at the top level is what is tested
both = (lambda value: value + 1, lambda value: value - 1)  # two in one line


def nested(captured: Any) -> dict[str, Function]:
    """Functions that have no name in this file, each of its kind."""
    import math

    def plain(value: int) -> int:
        return value + OFFSET

    def captures(value: int, *, more: int = 1000) -> Any:
        text = """kept
  as it is"""
        return [captured, value + more, text]

    def factorial(value: int) -> int:
        return 1 if value < 2 else value * factorial(value - 1)

    def calls(value: int) -> Any:
        return [captures(value), add(value), math.floor(2.5)]

    def reports(value: int, reporter: RemoteTaskHandle, default: Any = captured) -> Any:
        return [value, type(reporter).__name__, default]

    async def waits(value: int) -> Any:
        return [value, captured]

    @traced
    def wrapped(value: int) -> int:
        return value

    def raises(value: int) -> float:
        return 1 / value

    return {
        "plain": plain,
        "captures": captures,
        "factorial": factorial,
        "calls": calls,
        "reports": reports,
        "waits": waits,
        "wrapped": wrapped,
        "raises": raises,
        "divides": lambda value: 1 / value,
        "lambda": lambda value, *rest: (
            captured,
            value,
            rest,
        ),
    }


def unsendable() -> dict[str, Function]:
    lock = threading.Lock()
    later: Function
    result: dict[str, Function] = {}

    def one() -> object:
        return other

    def other() -> object:
        return one

    result["captures a lock"] = lambda: lock
    result["captures what is not there"] = lambda: later
    result["captures another that captures it"] = one
    result["made by exec"] = _executed()
    if len(sys.argv) < 0:
        later = pid
    return result


def _executed() -> Function:
    scratch: dict[str, Function] = {}
    exec("def made():\n    return 1", globals(), scratch)  # noqa: S102 - what exec makes is what is tested
    return scratch["made"]
