"""Mends an environment in place, so that it is never taken for whole while it is not."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt, environment_folder
from wetlands._backends.integrity.check import check
from wetlands._store import usage
from wetlands._store.lock import builder_lock
from wetlands._store.provision import explained
from wetlands.exceptions import EnvironmentInUseError, EnvironmentNotFoundError, ProvisioningError
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.integrity.damage import Damage
    from wetlands._store.record import Record
    from wetlands._store.store import Store

    Mend = Callable[[Sequence[Damage], Record, Path], None]

__all__ = ["repair"]

_MOST_NAMED = 5


def repair(store: Store, name: str, observer: BuildObserver, *, mend: Mend) -> list[Damage]:
    """Mend the current generation of an environment.

    While it is mended nobody can begin to use it, and its record says so: an interruption leaves an environment that is
    not reused. It can be repaired again, or built anew.

    Args:
        store: The environments.
        name: Which one.
        observer: Watches, and may stop it.
        mend: Puts damaged packages into the prefix anew.

    Returns:
        What was damaged.

    Raises:
        EnvironmentNotFoundError: There is no environment of that name.
        EnvironmentInUseError: Live processes use it; nothing was changed.
        ProvisioningError: It cannot be mended.
    """
    with explained(name, store.layout.root), builder_lock(store.layout, name, observer):
        record = store.record(name)
        if record is None:
            raise EnvironmentNotFoundError(f"There is no environment {name!r} to repair: it was deleted.")
        prefix = environment_folder(store.prefix_path(record))
        damage = check(prefix, thorough=True)
        if not damage:
            return _recovered(store, record)
        with ExitStack() as mended:
            _close(store, record)
            mended.callback(usage.open_gate, store.layout.users(name, record.generation))
            store.write(record.interrupted())
            mend(damage, record, prefix)
            adopt(prefix)
            _require_whole(name, prefix)
            store.write(record.recovered())
        return damage


def _recovered(store: Store, record: Record) -> list[Damage]:
    """Take back the mark of a repair that was interrupted, since nothing is damaged."""
    if record != record.recovered():
        store.write(record.recovered())
    return []


def _close(store: Store, record: Record) -> None:
    users = usage.close(store.layout.users(record.name, record.generation))
    if users:
        raise EnvironmentInUseError(
            f"Environment {record.name!r} is used by live workers of {', '.join(map(str, users))}. "
            "Stop them first (env.exit() in that program), then repair it; or build it anew beside them with update()."
        )


def _require_whole(name: str, prefix: Path) -> None:
    left = check(prefix, thorough=True)
    if left:
        shown = "; ".join(map(str, left[:_MOST_NAMED]))
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        raise ProvisioningError(
            f"Environment {name!r} is still damaged after its packages were installed anew ({shown}{more}). "
            "Build it anew with update() or replace_existing=True."
        )
    logger.log_environment(logging.INFO, "The environment is whole again.", env_name=name, stage="install")
