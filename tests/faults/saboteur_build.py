"""A program that builds, to be interrupted: `python saboteur_build.py INSTANCE WAY HOLD ORDER`, says JSON lines.

`WAY` is "block" for `create`, "task" for `create_async`, which is cancelled when a line comes; at the stage `HOLD` the
build waits to be interrupted. After the next line the same is built again.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from wetlands import EnvironmentManager

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wetlands._store.progress import BuildState, LoggedBuild

DEADLINE = 60.0


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(instance: str, way: str, hold: str, order: str) -> None:
    go_on = threading.Event()

    def tell(state: BuildState) -> None:
        say(stage=state.stage)
        if state.stage == hold:
            go_on.wait(DEADLINE)

    def look(build: LoggedBuild) -> AbstractContextManager[object]:
        build.watch(tell)
        return nullcontext()

    ordered = json.loads(order)
    with EnvironmentManager(instance, log_file_path=None) as manager:
        manager._workshop._display = look
        ended = build(manager, way, ordered, go_on)
        go_on.set()
        # After a second interrupt they are killed while the program goes on.
        _, left = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=DEADLINE)
        say(ended=ended, children=len(left))
        sys.stdin.readline()
        environment = manager.create("tools", *ordered)
        say(packages=sorted(package["name"] for package in manager.get_installed_packages(environment)))


def build(manager: EnvironmentManager, way: str, ordered: list[Any], go_on: threading.Event) -> str:
    """Build, and return how that ended; what interrupts more than once is not heard."""
    try:
        if way == "task":
            task = manager.create_async("tools", *ordered)
            sys.stdin.readline()
            task.cancel()
            go_on.set()
            return task.wait_for(DEADLINE).status.name
        manager.create("tools", *ordered)
    except KeyboardInterrupt:
        return "KeyboardInterrupt"
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return "built"


if __name__ == "__main__":
    main(*sys.argv[1:])
