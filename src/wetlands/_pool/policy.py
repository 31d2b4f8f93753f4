"""How many workers a pool keeps, and for how long it keeps one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._platform.amounts import amount_of
from wetlands._pool.limits import checked_accept, checked_timeout

if TYPE_CHECKING:
    from wetlands._plain.decoding import Accept

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a user said of the workers of a pool, checked.

    Attributes:
        most: The most workers that there are at the same time.
        least: The fewest; so many are started at launch.
        idle_timeout: The seconds after which an idle worker above `least` is stopped; None: never.
        most_tasks: The tasks after which a worker is replaced; None: any number.
        most_memory: The bytes beyond which a worker is replaced once its task has ended; None: any amount.
        accept: Which values of the workers are taken.
    """

    most: int = 1
    least: int = 1
    idle_timeout: float | None = None
    most_tasks: int | None = None
    most_memory: int | None = None
    accept: Accept = "any"

    @classmethod
    def checked(
        cls,
        max_workers: object,
        min_workers: object = None,
        idle_timeout: object = None,
        max_tasks_per_worker: object = None,
        max_memory: object = None,
        *,
        stays: object = False,
        accept: object = "any",
    ) -> Policy:
        """Make one of what a user gave to ``launch``; `stays`: for workers that outlive the program, if it is true.

        Raises:
            ValueError: Something of it makes no sense.
        """
        most = _number("max_workers", max_workers, 1)
        least = most if min_workers is None else _number("min_workers", min_workers, 0)
        if least > most:
            raise ValueError(f"min_workers is at most max_workers, {most}, not {least}")
        timeout = checked_timeout("idle_timeout", idle_timeout)
        if timeout is not None and least == most and not stays:
            raise ValueError("idle_timeout needs min_workers below max_workers: no worker may be stopped otherwise")
        tasks = None if max_tasks_per_worker is None else _number("max_tasks_per_worker", max_tasks_per_worker, 1)
        memory = None if max_memory is None else _bytes(max_memory)
        return cls(most, least, timeout, tasks, memory, checked_accept(accept))


def _number(name: str, value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is a number from {least} up, not {value!r}")
    return value


def _bytes(value: object) -> int:
    amount = 0
    if type(value) is int:
        amount = value
    elif isinstance(value, str):
        amount = amount_of(value) or 0
    if amount < 1:
        raise ValueError(f"max_memory is a number of bytes above 0, or text such as '2GB' or '512MiB', not {value!r}")
    return amount
