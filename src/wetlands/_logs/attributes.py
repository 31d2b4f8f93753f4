"""What every record of ours carries, and to which instance the records of a block belong."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

ATTRIBUTES = (
    "log_source",
    "env_name",
    "stage",
    "call_target",
    "stream",
    "worker_index",
    "task_id",
    "instance",
)

_instance: ContextVar[str | None] = ContextVar("wetlands_instance", default=None)


def current_instance() -> str | None:
    """The instance that records of this context belong to, when none is given with them."""
    return _instance.get()


@contextmanager
def records_of(instance: str | None) -> Iterator[None]:
    """Records made inside the block, by this thread, belong to that instance unless they name another."""
    token = _instance.set(instance)
    try:
        yield
    finally:
        _instance.reset(token)


def complete(record: logging.LogRecord) -> logging.LogRecord:
    """Give a record those attributes that it lacks; records of the program's own child loggers lack all."""
    present = record.__dict__
    for name in ATTRIBUTES:
        present.setdefault(name, None)
    if present["instance"] is None:
        present["instance"] = _instance.get()
    return record
