"""Adds packages to an environment that exists; its recipe then no longer tells all that is in it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._spec import masked
from wetlands._store.history import forget_lock, lock_path
from wetlands._store.lock import builder_lock
from wetlands._store.provision import explained, keep_lock, no_commands
from wetlands.exceptions import EnvironmentNotFoundError, WetlandsError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.inventory import InstalledPackage
    from wetlands._store.provision import Finish, Order
    from wetlands._store.store import Store

__all__ = ["install"]


def install(store: Store, order: Order, observer: BuildObserver, *, finish: Finish = no_commands) -> None:
    """Add what an order names to the current generation of an environment.

    The record is marked before the first file changes, so an interruption cannot leave a changed environment that
    passes for what its recipe says. When the packages cannot be installed and none has changed, the mark is taken back:
    a misspelt name does no harm.

    Raises:
        EnvironmentNotFoundError: There is no environment of that name.
        RecordError: Its record is damaged.
        ProvisioningError: The packages or commands of the order failed.
    """
    with explained(order.name, store.layout.root), builder_lock(store.layout, order.name, observer):
        record = store.record(order.name)
        if record is None:
            raise EnvironmentNotFoundError(f"There is no environment {order.name!r} to install into: it was deleted.")
        prefix = store.prefix_path(record)
        before = _inventory(prefix)
        lock = _read(lock_path(prefix))
        store.write(record.changed(_sentence(order)))
        forget_lock(prefix)
        try:
            order.backend.install(order.spec, prefix, observer)
        except BaseException:
            if before is not None and _inventory(prefix) == before:
                if lock is not None:
                    lock_path(prefix).write_text(lock, encoding="utf-8", newline="\n")
                store.write(record)
            raise
        keep_lock(order, prefix, observer)
        finish(prefix, observer)


def _sentence(order: Order) -> str:
    spec = order.spec
    names = [
        *(entry.text for entry in spec.conda),
        *(entry.text for entry in spec.pypi),
        *(entry.text for entry in spec.local),
    ]
    if order.spec.commands:
        names.append("what commands did")
    return masked(f"install() added {', '.join(names) or 'nothing'}")


def _read(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return None


def _inventory(prefix: Path) -> list[InstalledPackage] | None:
    """Return what is installed, or None when that cannot be told."""
    with suppress(WetlandsError, OSError):
        return installed_packages(adopt(prefix))
    return None
