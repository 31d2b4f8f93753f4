"""Run in a process of its own by the tests beside it: changes an instance and, if told so, dies in the middle.

`python saboteur_provision.py <verb> <instance> <place to die at> <packages...>`
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fake_backend import FakeBackend, Watcher, order_of, spec_of
from wetlands._store.install import install
from wetlands._store.lock import builder_lock
from wetlands._store.provision import provision
from wetlands._store.remove import remove
from wetlands._store.store import Store

KILLED = 77


def main(verb: str, instance: str, deadly: str, *packages: str) -> None:
    """Do what the verb says."""

    def reached(place: str) -> None:
        if place == deadly:
            os._exit(KILLED)

    def count(place: str) -> None:
        if place == "half built":
            with Path(instance, "builds").open("a", encoding="utf-8") as file:
                file.write("one\n")
        reached(place)

    store = Store(Path(instance))
    order = order_of(spec_of(*packages), FakeBackend(count))
    if verb in {"build", "replace"}:
        record = provision(store, order, Watcher(), replace=verb == "replace", reached=reached)
        sys.stdout.write(record.generation)
    elif verb == "install":
        install(store, order, Watcher())
    elif verb == "remove":
        remove(store, "tools", Watcher(), reached=reached)
    elif verb == "hold":
        with builder_lock(store.layout, "tools", Watcher()):
            sys.stdout.write("held\n")
            sys.stdout.flush()
            sys.stdin.read()
            reached("holding")
    elif verb == "use":
        record_in_use = store.record("tools")
        assert record_in_use is not None
        store.mark_in_use(record_in_use)
        sys.stdout.write("used\n")
        sys.stdout.flush()
        sys.stdin.read()
        os._exit(KILLED)  # as when the host is killed: nothing is released


if __name__ == "__main__":
    main(*sys.argv[1:])
