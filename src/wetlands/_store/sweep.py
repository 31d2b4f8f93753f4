"""Removes what no record points at: interrupted builds, replaced generations, half-written records."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._store import usage
from wetlands.exceptions import RecordError
from wetlands.logger import logger

if TYPE_CHECKING:
    from wetlands._store.store import Store

__all__ = ["sweep"]


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
        _sweep_generations(store, name, keep=record.generation if record else None)
    store.reclaimer.start()


def _sweep_generations(store: Store, name: str, *, keep: str | None) -> None:
    for generation in store.layout.generations(name):
        if generation == keep:
            continue
        try:
            in_use = usage.close(store.layout.users(name, generation))
        except OSError as error:
            logger.log_environment(
                logging.WARNING, "Generation %s is left: %s", generation, error, env_name=name, stage="create"
            )
            continue
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
