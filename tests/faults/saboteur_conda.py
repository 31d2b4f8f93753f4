"""Run in a process of its own by the tests beside it: builds a conda environment and dies in the middle.

`python saboteur_conda.py <instance> <stage to die at> <packages...>`; the channel is in the environment variables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fake_backend import Watcher
from wetlands._backends.rattler import RattlerBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.provision import Order, provision
from wetlands._store.store import Store

KILLED = 77


def main(instance: str, deadly: str, *packages: str) -> None:
    """Build, and die at a stage, or leave in the usual way when a build that is cancelled there is `deadly`."""

    def die(place: str, _message: str = "") -> None:
        if place == deadly:
            os._exit(KILLED)

    class Canceling(Watcher):
        @property
        def cancel_requested(self) -> bool:
            return deadly == "cancel" and bool(self.steps)

    base = Path(instance).parent
    spec = parse({"conda": list(packages)}, platform=current_platform(), base=base)
    order = Order("tools", spec, base, RattlerBackend(os.environ, base=base), "it is a test")
    provision(Store(Path(instance)), order, Canceling(die), reached=die)


if __name__ == "__main__":
    main(*sys.argv[1:])
