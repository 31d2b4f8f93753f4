"""Run in a process of its own by the tests beside it: a program that ends while a thread of the engine tells something.

`python saboteur_end.py <folder> <channel> <what>`: after a `result`, or with the `progress` of a download that goes on
after its build was cancelled. Such a thread is slow on its way out here, as on a machine with too much to do, and so is
the end of the interpreter.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
import time
from asyncio import selector_events
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from backends import RecordingObserver
from wetlands._backends.conda.tally import Tally
from wetlands._backends.rattler import RattlerBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.exceptions import ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = {"result": (selector_events.BaseSelectorEventLoop, "_write_to_self"), "progress": (Tally, "_tell_bytes")}


def main(folder: str, channel: str, what: str) -> None:
    """Build, or begin to, and end."""
    slow_down(*PLACES[what])
    base = Path(folder)
    spec = parse({"conda": ["herald"], "channels": [channel, "nodefaults"]}, platform=current_platform(), base=base)
    variables = {**os.environ, "HOME": folder, "RATTLER_CACHE_DIR": str(base / "cache")}
    observer = RecordingObserver(stop_when=lambda seen: what == "progress" and "download" in seen.stages)
    with suppress(ProvisioningCanceledError):
        RattlerBackend(variables, base=base).build(spec, base / "prefix", observer)
    builtins.lingering = Lingering()  # type: ignore[attr-defined]  # what is in there goes last


def slow_down(owner: type, name: str) -> None:
    """Let threads that Python did not start take their time in a method."""
    original = getattr(owner, name)

    def slowly(self: object, **options: object) -> None:
        original(self, **options)
        if threading.get_ident() not in threading._active:  # type: ignore[attr-defined]
            time.sleep(0.2)

    setattr(owner, name, slowly)


class Lingering:
    """Takes its time when it goes."""

    def __del__(self, sleep: Callable[[float], None] = time.sleep) -> None:  # modules are gone then
        sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
