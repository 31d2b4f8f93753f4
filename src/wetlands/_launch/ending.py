"""Ends several things at the same time, and those that nobody ended when the program does."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["end_with_program", "in_parallel"]


class _Ending(Protocol):
    def exit(self) -> None: ...


# Weak: what the program has let go of is not kept alive for its end. With the pid: a fork inherits this list, and must
# not end what belongs to its parent.
_living: weakref.WeakKeyDictionary[_Ending, int] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def end_with_program(thing: _Ending) -> None:
    """Call its ``exit`` when the interpreter ends, if it still exists then."""
    with _guard:
        _living[thing] = os.getpid()


def in_parallel(deeds: Sequence[Callable[[], None]]) -> None:
    """Do several things at the same time and wait for all of them.

    Raises:
        Exception: The first error; the others are logged. All deeds were tried.
    """
    errors: list[BaseException] = []

    def attempt(deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as error:  # noqa: BLE001 - it is raised below, in the thread of the caller
            errors.append(error)

    if not deeds:
        return
    threads = [threading.Thread(target=attempt, args=(deed,), name="wetlands-exit") for deed in deeds[1:]]
    for thread in threads:
        _start(thread)
    attempt(deeds[0])
    for thread in threads:
        if thread.ident is not None:
            thread.join()
    for error in errors[1:]:
        logger.log_global(logging.ERROR, "While ending: %s", error, exc_info=error)
    if errors:
        raise errors[0]


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending and starts no threads any more (Python 3.12 on)
        thread.run()


@atexit.register
def _end_all() -> None:
    with _guard:
        ours = [thing for thing, pid in _living.items() if pid == os.getpid()]
    in_parallel([thing.exit for thing in ours])
