"""Checks the limits that a user gives, before anything is begun."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from wetlands._plain.decoding import Accept

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "KEEP_SECONDS",
    "check_chunksize",
    "check_persistent",
    "checked_accept",
    "checked_initializer",
    "checked_modules",
    "checked_timeout",
    "refuse_options",
    "refuse_timeouts",
]

KEEP_SECONDS = 3600.0
"""For how long a persistent worker keeps a result that no program has read."""


def checked_timeout(name: str, seconds: object) -> float | None:
    """A time limit as the user gave it.

    Raises:
        ValueError: It is no number of seconds above 0.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        message = f"{name} is a number of seconds above 0, or None for no limit, not {seconds!r}"
        raise ValueError(message)
    return float(seconds)


def refuse_timeouts(**limits: float | None) -> None:
    """For what runs in this process.

    Raises:
        ValueError: A limit was given.
    """
    for name, seconds in limits.items():
        if seconds is not None:
            message = f"{name} needs a worker that can be killed; a call in this process cannot be ended by force"
            raise ValueError(message)


def check_chunksize(chunksize: object) -> None:
    """Refuse what is no number of items.

    Raises:
        ValueError: It is none.
    """
    if chunksize is not None and (type(chunksize) is not int or chunksize < 1):
        raise ValueError(f"chunksize is a number of items from 1 up, or None, not {chunksize!r}")


def checked_accept(accept: object) -> Accept:
    """Which values of workers are taken, as the user gave it.

    Raises:
        ValueError: It is neither ``"any"`` nor ``"plain"``.
    """
    for known in get_args(Accept):
        if accept == known:
            return cast("Accept", known)
    raise ValueError(f'accept is "any" or "plain", not {accept!r}')


def checked_initializer(given: object) -> tuple[str | Path, str, Sequence[object]]:
    """What ``launch(initializer=...)`` was given: module, function and arguments, which may be left out.

    Raises:
        ValueError: It is something else.
    """
    parts = given if isinstance(given, tuple | list) else ()
    if len(parts) in {2, 3} and isinstance(parts[0], str | Path) and isinstance(parts[1], str):
        arguments = parts[2] if len(parts) == 3 else ()  # noqa: PLR2004 - the third one
        if isinstance(arguments, tuple | list):
            return parts[0], parts[1], arguments
    message = f"initializer is (module, function, args), such as ('model.py', 'load', ('weights.pt',)), not {given!r}"
    raise ValueError(message)


def checked_modules(name: str, modules: object) -> tuple[str, ...]:
    """Names of modules as the user gave them.

    Raises:
        ValueError: They are none.
    """
    given = () if isinstance(modules, str) or not isinstance(modules, Iterable) else tuple(modules)
    names = tuple(module for module in given if isinstance(module, str))
    if isinstance(modules, str) or not isinstance(modules, Iterable) or len(names) < len(given):
        raise ValueError(f"{name} is a list of names of modules, such as ['numpy', 'scipy.ndimage'], not {modules!r}")
    for module in names:
        if not all(part.isidentifier() for part in module.split(".")):
            raise ValueError(f"{name}: {module!r} is no name of a module, such as 'scipy.ndimage'; files are not taken")
    return names


def check_persistent(persistent: object, keep_results: object, preload: Sequence[str]) -> None:
    """Refuse what cannot be asked for of workers that outlive the program.

    Raises:
        ValueError: It cannot.
    """
    if persistent not in (True, False, "tcp"):
        raise ValueError(f"persistent is True, False, or 'tcp' to listen at a port, not {persistent!r}")
    if keep_results is None or checked_timeout("keep_results", keep_results) is None:
        raise ValueError(
            "keep_results is a number of seconds above 0: a result that nobody fetches is not kept for ever"
        )
    if persistent and preload:
        raise ValueError(
            "preload forks workers of a process of this program, which persistent workers outlive. Use one of the two; "
            "an initializer can import what persistent workers need"
        )


def refuse_options(**options: object) -> None:
    """For what runs in this process.

    Raises:
        ValueError: An option was given that says something of workers.
    """
    for name, value in options.items():
        if value is not None:
            message = f"{name} says something of worker processes, and there are none: calls run in this process"
            raise ValueError(message)
