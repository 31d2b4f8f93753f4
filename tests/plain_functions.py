"""What real workers return to a host that takes plain values only."""

from __future__ import annotations

import sys
from typing import Any


class Own:
    """A class of this module, which the host could import."""

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("import sys; sys.intruder = True",)


def own() -> object:
    return [Own()]


def made(number: int) -> object:
    return [Own()] if number else 0


def echo(value: object) -> object:
    return value


def image(size: int) -> Any:
    import numpy as np

    return np.arange(size, dtype="f4")


def add(array: Any, number: float) -> Any:
    array += number
    return array


def kinds() -> object:
    import numpy as np

    return {
        "masked": np.ma.MaskedArray([1, 2], [False, True]),
        "scalar": np.float64(2),
        "fields": np.zeros(2, [("a", "i4")]),
    }


def reports(task: Any) -> int:
    task.update("working", current=1, maximum=2)
    task.set_output("plain", [1])
    task.log("said")
    return 5


def outputs_own(task: Any) -> int:
    task.set_output("own", Own())
    return 5


def items() -> Any:
    yield 1
    yield Own()


def calls(function: Any, value: object) -> object:
    return function(value)


def calls_with_own(function: Any) -> object:
    return function(Own())


def fails() -> None:
    raise Own_Error("text", Own())


class Own_Error(Exception):  # noqa: N801 - of a user
    pass


def intruded() -> bool:
    return hasattr(sys, "intruder")
