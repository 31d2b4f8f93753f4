"""Run in a process of its own by the tests beside it: changes a conda environment and, if told so, dies in the middle.

`python saboteur_conda.py <verb> <instance> <how and where> <packages...>`; the channel is in the environment variables.
`kill:<place>` is SIGKILL, `exit:<place>` leaves without a farewell, `raise:<place>` is an exception nobody catches,
`cancel:` a build that is cancelled; `:` goes through. It writes the generation, and whether something was solved.
The variable `LOCK` names a lock to build from; `rollback` builds that instead of what is there now.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fake_backend import Watcher
from wetlands._backends.locks.build import LockedBackend
from wetlands._backends.locks.read import for_this_machine, read_lock
from wetlands._backends.rattler import RattlerBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.provision import Order, provision
from wetlands._store.remove import remove
from wetlands._store.store import Store

if TYPE_CHECKING:
    from wetlands._backends.api import Backend

EXITED = 77


class Sabotage(BaseException):
    """Ctrl+C, or the like: no `except Exception` stops it."""


def main(verb: str, instance: str, sabotage: str, *packages: str) -> None:
    """Do what the verb says, and end at a place."""
    way, _, deadly = sabotage.partition(":")

    def end(place: str, _message: str = "") -> None:
        if place == deadly and way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if place == deadly and way == "exit":
            os._exit(EXITED)
        if place == deadly and way == "raise":
            raise Sabotage

    class Canceling(Watcher):
        @property
        def cancel_requested(self) -> bool:
            return way == "cancel" and bool(self.steps)

    base = Path(instance).parent
    spec = parse({"conda": list(packages)}, platform=current_platform(), base=base)
    store, watcher = Store(Path(instance)), Canceling(end)
    backend: Backend = RattlerBackend(os.environ, base=base)
    if "LOCK" in os.environ:
        backend = LockedBackend(for_this_machine(read_lock(Path(os.environ["LOCK"]))), os.environ, base=base)
    current = store.record("tools") if verb == "rollback" else None
    undoes = current.generation if current else ""
    order = Order("tools", spec, base, backend, "it is a test", undoes=undoes)
    if verb == "remove":
        remove(store, "tools", watcher, reached=end)
        return
    record = provision(store, order, watcher, replace=verb in {"replace", "rollback"}, reached=end)
    solved = "solve" in [stage for stage, _ in watcher.stages]
    sys.stdout.write(f"{record.generation} {solved}")


if __name__ == "__main__":
    main(*sys.argv[1:])
