"""Removes what no record points at: interrupted builds, replaced generations, half-written records."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._store import usage
from wetlands.exceptions import RecordError
from wetlands.logger import logger

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._store.record import Record
    from wetlands._store.store import Store

__all__ = ["leftovers", "sweep"]


def sweep(store: Store, name: str) -> None:
    """Remove the debris of one environment, and begin to give back the space of what was set aside in this instance.

    Never removed: the generation of the record, and those that live workers use. With a damaged record no generation is
    removed, because nobody knows which one it meant. The caller holds the builder lock, so nothing here is being built.
    """
    for staged in store.layout.staged_files(name):
        with suppress(OSError):
            staged.unlink()
    try:
        record = store.record(name)
    except RecordError as error:
        logger.log_environment(logging.WARNING, "Nothing is swept: %s", error, env_name=name, stage="create")
    else:
        for generation in _unrecorded(store, name, record):
            _sweep_generation(store, name, generation)
    store.reclaimer.start()


def leftovers(store: Store, name: str) -> tuple[Path, ...]:
    """Return the prefixes that `sweep` would remove now, if nobody is just building one of them."""
    try:
        record = store.record(name)
    except RecordError:
        return ()
    idle = (
        generation
        for generation in _unrecorded(store, name, record)
        if not usage.users(store.layout.users(name, generation))
    )
    return tuple(path for generation in idle if (path := store.layout.prefix(name, generation)).is_dir())


def _unrecorded(store: Store, name: str, record: Record | None) -> tuple[str, ...]:
    """Return the generations that no record needs."""
    return tuple(
        generation for generation in store.layout.generations(name) if record is None or generation != record.generation
    )


def _sweep_generation(store: Store, name: str, generation: str) -> None:
    try:
        in_use = usage.close(store.layout.users(name, generation))
    except OSError as error:
        logger.log_environment(
            logging.WARNING, "Generation %s is left: %s", generation, error, env_name=name, stage="create"
        )
        return
    if in_use:
        logger.log_environment(
            logging.INFO,
            "Generation %s is left until nobody uses it: %s.",
            generation,
            ", ".join(map(str, in_use)),
            env_name=name,
            stage="create",
        )
    else:
        store.reclaimer.set_aside(store.layout.prefix(name, generation), f"{name}-{generation}")
