"""The way in for the threads of the engine, which is closed before the interpreter ends.

The engine tells its progress and its results from threads that Python did not start, and does not wait for. When the
interpreter ends, one that is in Python code then, and waits for the interpreter's lock, is taken down by Python in the
middle of the engine's code (``pthread_exit``, up to Python 3.13), which crashes the process. So whoever tells us
something holds a lock until it is on its way out, and the end takes that lock for itself, and keeps it.
"""

from __future__ import annotations

import atexit
import threading

__all__ = ["telling"]

_END_SECONDS = 5.0

telling = threading.RLock()
"""Held while a thread of the engine tells us something; nothing that may wait for long is done meanwhile."""


@atexit.register
def _close() -> None:
    """Wait until nobody is inside, and let nobody in any more."""
    telling.acquire(timeout=_END_SECONDS)  # a forked child may wait in vain: the thread that held it is not in there
