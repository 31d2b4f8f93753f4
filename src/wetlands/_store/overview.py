"""What there is in an instance folder, read without locking, changing or running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wetlands._backends.existing import adopt
from wetlands.exceptions import EnvironmentNotFoundError, RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._store.record import Record
    from wetlands._store.store import Store

__all__ = ["Listed", "State", "overview"]

State = Literal["ready", "changed", "broken", "damaged"]


@dataclass(frozen=True)
class Listed:
    """An environment in a list.

    Attributes:
        name: Its name.
        state: ``"ready"``; ``"changed"``: packages were added to what its recipe says; ``"broken"``: its interpreter is
            gone; ``"damaged"``: its record cannot be read.
        python: The version of its Python, or empty.
        backend: What built it.
        created: When, in UTC, as ``"2025-01-31T12:00:00+00:00"``.
        users: The pids of the processes that use it on this machine.
        path: Its prefix.
        problem: What is wrong with it, or empty.
    """

    name: str
    state: State
    python: str = ""
    backend: str = ""
    created: str = ""
    users: tuple[int, ...] = ()
    path: Path | None = None
    problem: str = ""


def overview(store: Store) -> list[Listed]:
    """Return the environments of an instance, by name."""
    return [_listed(store, name) for name in store.names()]


def _listed(store: Store, name: str) -> Listed:
    from wetlands._store.usage import users  # noqa: PLC0415 - imports psutil, which programs rarely need

    try:
        record = store.record(name)
    except RecordError as error:
        return Listed(name, "damaged", problem=str(error))
    if record is None:  # deleted since the names were read
        return Listed(name, "broken", problem="It was deleted just now.")
    path = store.prefix_path(record)
    live = users(store.layout.users(name, record.generation))
    state, problem = _state(record, path)
    return Listed(
        name,
        state,
        python=record.python_version,
        backend=record.backend,
        created=record.created,
        users=tuple(sorted({user.process.pid for user in live if user.here})),
        path=path,
        problem=problem,
    )


def _state(record: Record, path: Path) -> tuple[State, str]:
    try:
        adopt(path)
    except EnvironmentNotFoundError as error:
        return "broken", str(error)
    return ("ready", "") if record.managed else ("changed", " ".join(record.changes))
