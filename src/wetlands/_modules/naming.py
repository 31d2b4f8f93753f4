"""How a call begins on the wire, and how people are told of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePath

from wetlands._modules.target import is_file
from wetlands._pool.call import Work
from wetlands.exceptions import ExecutionException
from wetlands_worker import messages
from wetlands_worker.failures import TaskFailure, TaskFailureCategory
from wetlands_worker.values import EncodeError

__all__ = ["encoded", "named"]


@lru_cache(maxsize=1024)
def named(target: str, function: str) -> tuple[bytes, str]:
    """How a call begins on the wire, and how people are told of it."""
    name = PurePath(target).stem if is_file(target) or not function else target
    return messages.pack_target(target, function), f"{name}:{function}" if function else PurePath(target).name


def encoded(
    kind: int, head: bytes, label: str, values: tuple[object, object], timeout: float | None, *, keep: bool = False
) -> Work:
    try:
        return Work(kind, head, label, values, timeout, keep=keep)
    except EncodeError as error:
        failure = TaskFailure(
            category=TaskFailureCategory.SERIALIZATION,
            message=str(error),
            call_target=label,
            serialization_context=error.path,
        )
        raise ExecutionException(failure) from error
