"""How many threads the numeric libraries of a worker start, so that several workers share the cores of the machine.

OpenMP, MKL, OpenBLAS and numexpr each start a thread per core by default, in each worker: with four workers on eight
cores, 32 threads then wait for each other.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["available_cores", "thread_limits"]

_MOST = {"OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None, "OPENBLAS_NUM_THREADS": None, "NUMEXPR_NUM_THREADS": 64}
"""The variables, and the most threads that the library takes: numexpr refuses more."""


def thread_limits(workers: int, variables: Mapping[str, str], *, cores: int | None = None) -> dict[str, str]:
    """The variables to add to those of each worker.

    A single worker has the machine to itself, and the libraries their own defaults.

    Args:
        workers: How many there are.
        variables: What they have already; a limit that is set there, as the user did, is left alone.
        cores: How many cores there are; those that this process may use when not given.
    """
    if workers == 1:
        return {}
    share = max(1, (available_cores() if cores is None else cores) // workers)
    return {name: str(min(share, most or share)) for name, most in _MOST.items() if name not in variables}


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every platform
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
