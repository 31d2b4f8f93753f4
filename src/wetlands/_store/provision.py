"""Builds an environment so that it is there completely or not at all."""

from __future__ import annotations

import errno
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt
from wetlands._backends.prefix import python_version
from wetlands._spec import storable
from wetlands._store.files import remove_tree
from wetlands._store.history import inherit, store_lock
from wetlands._store.lock import builder_lock
from wetlands._store.paths import new_generation
from wetlands._store.record import Record
from wetlands._store.reuse import obstacles, unlike
from wetlands._store.steps import unwatched
from wetlands.exceptions import (
    EnvironmentNotFoundError,
    EnvironmentReuseError,
    LockError,
    ProvisioningCanceledError,
    ProvisioningError,
    RecordError,
)
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wetlands._backends.api import Backend, BuildObserver
    from wetlands._backends.locks.model import Lock, LockedPlatform
    from wetlands._spec import Spec
    from wetlands._store.steps import Reached
    from wetlands._store.store import Store

    Finish = Callable[[Path, BuildObserver], None]
    Describe = Callable[[Spec, Path, BuildObserver], Lock]

__all__ = ["Order", "explained", "keep_lock", "no_commands", "provision", "reusable"]


@dataclass(frozen=True)
class Order:
    """What to build, and who builds it.

    Attributes:
        name: The name of the environment.
        spec: What shall be in it.
        base: The folder that relative paths of local packages begin at.
        backend: What builds it.
        reason: Why that backend was chosen.
        describe: Says exactly what a prefix holds that was built; without it no lock is stored.
        locked: What the prefix must hold; None leaves it to the backend.
        undoes: The generation that is to be taken back; empty for a build that is no rollback.
    """

    name: str
    spec: Spec
    base: Path
    backend: Backend
    reason: str
    describe: Describe | None = None
    locked: LockedPlatform | None = None
    undoes: str = ""


def no_commands(_prefix: Path, _observer: BuildObserver) -> None:
    """Run nothing after the packages were installed."""


def provision(
    store: Store,
    order: Order,
    observer: BuildObserver,
    *,
    replace: bool = False,
    finish: Finish = no_commands,
    reached: Reached = unwatched,
) -> Record:
    """Build an environment, unless somebody else has built the same while we waited for our turn.

    Whatever interrupts this (an error, a cancellation, Ctrl+C, a power cut): an environment that was there still works,
    and what the interrupted build left is removed, by us now or by the next build.

    Args:
        store: Where to build.
        order: What to build.
        observer: Watches the build, and may stop it.
        replace: Whether one that is there is built anew, whatever its recipe; else it is reused or refused.
        finish: Run on the prefix after the packages are installed, before the environment exists for others.
        reached: Told each of `steps.BUILD_STEPS` when it is done.

    Returns:
        The record of the new environment, or of the one to reuse.

    Raises:
        EnvironmentReuseError: One with another recipe exists.
        RecordError: One whose record is damaged exists.
        ProvisioningError: It cannot be built.
    """
    # Not at the top: it imports psutil, and a create() that finds all as asked has no use for that.
    from wetlands._store.sweep import sweep  # noqa: PLC0415

    with explained(order.name, store.layout.root), builder_lock(store.layout, order.name, observer):
        reached("locked")
        if not replace and (found := reusable(store, order.name, order.spec, order.base, order.locked)):
            return found
        before = _replaced(store, order)
        sweep(store, order.name)
        reached("swept")
        record = _build(store, order, before, observer, finish=finish, reached=reached)
        sweep(store, order.name)
        reached("replaced one removed")
        return record


def reusable(store: Store, name: str, spec: Spec, base: Path, locked: LockedPlatform | None = None) -> Record | None:
    """Return the record of an environment that is what a recipe asks for, or None when there is no environment.

    Nothing is run, and beside the record only the presence of the interpreter is looked at: an environment without its
    interpreter (deleted by hand, or the Python it was made from was removed) counts as none. With a lock, the lock that
    it was built to is looked at too.

    Raises:
        EnvironmentReuseError: There is one with another recipe, or with other packages than the lock says.
        RecordError: There is one whose record is damaged.
    """
    record = store.record(name)
    if record is None:
        return None
    if reasons := obstacles(record, spec, base):
        raise EnvironmentReuseError(name, reasons)
    if locked is not None and (reasons := unlike(store.prefix_path(record), locked)):
        raise EnvironmentReuseError(name, reasons)
    try:
        adopt(store.prefix_path(record))
    except EnvironmentNotFoundError as error:
        logger.log_environment(
            logging.WARNING,
            "The environment is built anew, it no longer works: %s",
            error,
            env_name=name,
            stage="create",
        )
        return None
    return record


def _replaced(store: Store, order: Order) -> Record | None:
    """Return the record that this build will replace; None when there is none, or it cannot be read.

    Raises:
        ProvisioningError: A rollback was asked for, and another build took its place meanwhile.
    """
    try:
        record = store.record(order.name)
    except RecordError:
        record = None
    if order.undoes and (record is None or record.generation != order.undoes):
        raise ProvisioningError(
            f"Environment {order.name!r} was changed by somebody else meanwhile, and nothing was taken back. "
            "Look at it again (env.diff), and ask again."
        )
    return record


def keep_lock(order: Order, prefix: Path, observer: BuildObserver) -> None:
    """Store the lock of what was built or installed; where there is none to be had, say so."""
    if order.describe is not None:
        try:
            store_lock(prefix, order.describe(order.spec, prefix, observer))
        except ProvisioningCanceledError:
            raise
        except (ProvisioningError, LockError) as error:
            logger.log_environment(
                logging.WARNING,
                "No lock is stored, so this cannot be exported, compared or rolled back to: %s",
                error,
                env_name=order.name,
                stage="create",
            )


def _build(
    store: Store,
    order: Order,
    before: Record | None,
    observer: BuildObserver,
    *,
    finish: Finish,
    reached: Reached,
) -> Record:
    from wetlands._store.usage import open_gate  # noqa: PLC0415 - imports psutil, as in `provision`

    if storable(order.spec) != order.spec:
        logger.log_environment(
            logging.WARNING,
            "The recipe holds credentials in clear. They are used and not stored: update() without a recipe asks "
            "without them. Give them to the tools instead (netrc, `pixi auth login`, RATTLER_AUTH_FILE).",
            env_name=order.name,
            stage="create",
        )
    generation = new_generation()
    prefix = store.layout.prefix(order.name, generation)
    gate = store.layout.users(order.name, generation)
    with ExitStack() as undo:
        undo.callback(_discard, prefix, gate)
        order.backend.build(order.spec, prefix, observer)
        keep_lock(order, prefix, observer)
        if before is not None:
            inherit(prefix, before, store.prefix_path(before), undoing=bool(order.undoes))
        reached("packages installed")
        finish(prefix, observer)
        reached("commands run")
        open_gate(gate)
        record = _record_of(order, generation, prefix)
        if observer.cancel_requested:
            raise ProvisioningCanceledError(
                f"The build of environment {order.name!r} was cancelled; nothing of it is left."
            )
        store.write(record, reached=reached)  # the commit
        undo.pop_all()
    reached("committed")
    return record


def _record_of(order: Order, generation: str, prefix: Path) -> Record:
    return Record(
        name=order.name,
        generation=generation,
        spec=storable(order.spec),
        base=str(order.base),
        backend=order.backend.name,
        reason=order.reason,
        python_version=python_version(adopt(prefix)) or "",
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _discard(prefix: Path, gate: Path) -> None:
    """Remove a build that failed, at once: a full disk is usable again when the caller hears of it."""
    for folder in (prefix, gate):
        if folder.exists() and not remove_tree(folder):
            logger.log_global(logging.INFO, "%s cannot be deleted now; the next build tries again.", folder)


@contextmanager
def explained(name: str, root: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence that says what to do.

    Raises:
        ProvisioningError: Instead of an `OSError`, which is its cause.
    """
    try:
        yield
    except OSError as error:
        raise ProvisioningError(_explanation(error, name, root)) from error


def _explanation(error: OSError, name: str, root: Path) -> str:
    where = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        advice = "The disk is full: free some space, or choose a wetlands_instance_path on another disk."
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        advice = "The instance folder cannot be written to: choose another wetlands_instance_path."
    else:
        advice = "Correct that and try again."
    return f"Environment {name!r} could not be changed in {root} ({where}). {advice}"
