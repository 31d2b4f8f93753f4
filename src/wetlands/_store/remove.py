"""Deletes an environment, unless somebody uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._store import usage
from wetlands._store.lock import builder_lock
from wetlands._store.provision import explained
from wetlands._store.steps import unwatched
from wetlands._store.sweep import sweep
from wetlands.exceptions import EnvironmentInUseError, EnvironmentNotFoundError, RecordError

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver
    from wetlands._store.steps import Reached
    from wetlands._store.store import Store

__all__ = ["remove"]


def remove(
    store: Store,
    name: str,
    observer: BuildObserver,
    *,
    reached: Reached = unwatched,
) -> None:
    """Delete an environment: it is gone at once, its space is given back in the background.

    `reached` is told each of `steps.REMOVAL_STEPS` when it is done.

    Files that the system does not let go of now (Windows, while something holds them open) are removed by the next
    build in this instance.

    Raises:
        EnvironmentNotFoundError: There is none of that name.
        EnvironmentInUseError: Live processes use it; nothing was changed.
        ProvisioningError: The disk refuses.
    """
    with explained(name, store.layout.root):
        if not store.layout.environment(name).is_dir():
            raise EnvironmentNotFoundError(f"There is no environment {name!r} to delete in {store.layout.root}.")
        with builder_lock(store.layout, name, observer):
            if not store.layout.record(name).exists():
                raise EnvironmentNotFoundError(f"There is no environment {name!r} to delete in {store.layout.root}.")
            _close(store, name)
            reached("closed to users")
            store.layout.record(name).unlink()
            reached("record removed")
            sweep(store, name)
            reached("set aside")


def _close(store: Store, name: str) -> None:
    """Let nobody begin to use it.

    Raises:
        EnvironmentInUseError: Somebody does, be it a generation that was replaced meanwhile.
    """
    gates = [store.layout.users(name, generation) for generation in store.layout.generations(name)]
    in_use = [user for gate in gates for user in usage.users(gate)]
    if not in_use and (current := _current(store, name)) is not None:
        in_use = list(usage.close(store.layout.users(name, current)))
    if in_use:
        raise EnvironmentInUseError(
            f"Environment {name!r} is used by live workers of {', '.join(map(str, in_use))}. "
            "Stop them first (env.exit() in that program), then delete it."
        )


def _current(store: Store, name: str) -> str | None:
    try:
        record = store.record(name)
    except RecordError:
        return None
    return None if record is None else record.generation
