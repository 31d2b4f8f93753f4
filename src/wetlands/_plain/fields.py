"""What workers say, taken apart: each field is looked at before it is used, since a worker may say anything."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wetlands_worker.failures import TaskFailureCategory, TracebackFrame, from_plain
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wetlands._plain.decoding import Decode
    from wetlands_worker.failures import RemoteExceptionInfo
    from wetlands_worker.handle import Number

__all__ = ["counts", "failure_fields", "fields", "frames_of", "script_globals"]

_MOST_FRAMES = 10_000


def fields(decoded: object, least: int = 0) -> tuple[Any, ...]:  # Any: what they are, wetlands_worker.messages says
    """The fields of a message; those that a later version adds at the end are ignored by whoever unpacks fewer.

    Raises:
        ValueError: It is no tuple of so many. Not everything iterable is taken: a range may be longer than memory.
    """
    if not isinstance(decoded, tuple | list) or len(decoded) < least:
        raise ValueError(f"{type(decoded).__name__} instead of the fields of a message")
    return tuple(decoded)


def failure_fields(
    decoded: object,
) -> tuple[
    TaskFailureCategory,
    str,
    str | None,
    tuple[TracebackFrame, ...],
    RemoteExceptionInfo | None,
    str | None,
]:
    """The fields of a FAILURE, see `wetlands_worker.answers`.

    Raises:
        ValueError: It is none.
    """
    category, message, traceback, frames, remote, context = fields(decoded, 6)[:6]
    texts = (message, traceback or "", context or "")
    if not all(isinstance(text, str) for text in (category, *texts)):
        raise ValueError("a failure that is not made of text")
    info = None if remote is None else from_plain(remote)
    return TaskFailureCategory(category), message, traceback, frames_of(frames), info, context


def frames_of(plain: object) -> tuple[TracebackFrame, ...]:
    """The frames of a traceback or of a stack.

    Raises:
        ValueError: They are none.
    """
    return tuple(_frame(frame) for frame in fields(plain)[:_MOST_FRAMES])


def _frame(plain: object) -> TracebackFrame:
    filename, line_number, name, line = fields(plain, 4)[:4]
    if not isinstance(line_number, int | None) or not all(isinstance(text, str) for text in (filename, name, line)):
        raise ValueError("a frame of a traceback that is none")
    return TracebackFrame(filename, line_number or 0, name, line)


def counts(decoded: object) -> tuple[str | None, Number | None, Number | None]:
    """The message and the counts of an UPDATE.

    Raises:
        ValueError: It is none.
    """
    message, current, maximum = fields(decoded, 3)[:3]
    if not isinstance(message, str | None) or type(current) not in _COUNTS or type(maximum) not in _COUNTS:
        raise ValueError("progress that is not made of text and numbers")
    return message, current, maximum


_COUNTS = frozenset((int, float, type(None)))


def script_globals(result: object, decode: Decode) -> Mapping[str, object]:
    """The globals of a script that can be read here; the others are left out, which is what was promised.

    Raises:
        ValueError: It is no such thing.
    """
    if not isinstance(result, dict):
        raise ValueError(f"{type(result).__name__} instead of the globals of a script")  # noqa: TRY004 - of a message
    readable: dict[str, object] = {}
    for name, encoded in result.items():
        body, buffers = fields(encoded, 2)[:2]
        with suppress(DecodeError):
            readable[name] = decode(body, buffers)
    return readable
