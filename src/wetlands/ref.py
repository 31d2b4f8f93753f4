"""A result that stays where it was made, and what stands for it here."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from wetlands._plain.decoding import check_plain, decode_plain
from wetlands.exceptions import ExecutionException, RefReleasedError
from wetlands_worker.failures import TaskFailure, TaskFailureCategory
from wetlands_worker.kept import opened
from wetlands_worker.pieces import Piece, nested, same
from wetlands_worker.values import DecodeError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from wetlands._plain.decoding import Decode
    from wetlands_worker.arrivals import Received
    from wetlands_worker.frames import Bytes

__all__ = ["Ref", "dereferenced", "keep", "keep_here"]

T_co = TypeVar("T_co", covariant=True)


class _Source(Protocol):
    @property
    def nbytes(self) -> int: ...

    def get(self) -> object: ...

    def reduced(self) -> tuple[object, ...]: ...


class Ref(Generic[T_co]):
    """What `Environment.submit` with ``keep=True`` gives instead of a result.

    The large parts of the result (arrays, bytes) stay in the memory into which the worker wrote them. As an argument,
    or anywhere inside of one, a Ref becomes the value: a worker of the same or of any other environment maps that
    memory, and no byte of it is read or copied here. So arrays of a kept result are *shared*: what one function writes
    into them, all others see that have them, and so does `get`.

    The memory is free again when there is neither a Ref nor an array on it in any process. A worker that dies gives
    back what it had; what it had made stays, as long as a Ref to it does. Where there is no shared memory (outside of
    Linux, or when it is used up) the parts are kept in this process and copied on their way.

    As a context manager it is released on the way out.

    Attributes:
        call_target: Which function returned it.
        task_id: The id of the task whose result it is.
    """

    __slots__ = ("__weakref__", "_source", "call_target", "task_id")

    def __init__(self, source: _Source, call_target: str, task_id: str) -> None:
        self._source: _Source | None = source
        self.call_target = call_target
        self.task_id = task_id

    @property
    def released(self) -> bool:
        """Whether it stands for nothing any more."""
        return self._source is None

    @property
    def nbytes(self) -> int:
        """How many bytes of arrays and other large parts are kept; 0 after the release."""
        return 0 if self._source is None else self._source.nbytes

    def get(self) -> T_co:
        """The value. Its arrays lie in the memory that was kept, and keep it; copy what you want for yourself.

        Raises:
            RefReleasedError: It was released.
            ExecutionException: Something that the value needs is missing in this process (category ``serialization``).
        """
        try:
            return cast("T_co", self._kept().get())
        except DecodeError as error:
            failure = TaskFailure(
                category=TaskFailureCategory.SERIALIZATION,
                message=str(error),
                task_id=self.task_id,
                call_target=self.call_target,
                serialization_context="result",
            )
            raise ExecutionException(failure) from error

    def release(self) -> None:
        """Let go of the value; arrays that were made of it stay valid. It may be called more than once."""
        self._source = None

    def __enter__(self) -> Ref[T_co]:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.release()

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return self._kept().reduced()

    def __repr__(self) -> str:
        state = "released" if self._source is None else f"{self.nbytes:,} bytes"
        return f"<Ref to a result of {self.call_target}, {state}>"

    def _kept(self) -> _Source:
        source = self._source
        if source is None:
            raise RefReleasedError(
                f"The kept result of {self.call_target} was released and is gone; "
                "release a Ref when no call needs it any more, or keep what its get() returns"
            )
        return source


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What came from a worker and was not read."""

    body: bytes
    parts: Sequence[Piece | bytearray]
    decode: Decode

    @property
    def nbytes(self) -> int:
        return sum(part.length if isinstance(part, Piece) else len(part) for part in self.parts)

    def get(self) -> object:
        # Bytes that did not come by shared memory are written into by whoever gets arrays on them, as those that did.
        return self.decode(self.body, self.parts)

    def reduced(self) -> tuple[object, ...]:
        return opened, (self.body, nested(self.parts))


@dataclass(frozen=True, slots=True)
class _Here:
    """What was made in this process."""

    value: object
    nbytes: int = 0

    def get(self) -> object:
        return self.value

    def reduced(self) -> tuple[object, ...]:
        return same, (self.value,)


def keep(body: Bytes, buffers: Received, call_target: str, task_id: str, decode: Decode = decode) -> Ref[object]:
    """Make a reference of what came from a worker.

    Args:
        body: As `wetlands_worker.values.encode` made it.
        buffers: Its buffers.
        call_target: Which function returned it.
        task_id: The id of its task.
        decode: How it is read.

    Raises:
        DecodeError: There was no memory for a part of it, or it is none of the values that are taken.
    """
    if decode is decode_plain:  # also for the workers that it is passed to
        check_plain(body, buffers)
    parts: list[Piece | bytearray] = []
    for part in buffers:
        if isinstance(part, Piece):
            part.common = True
        elif not isinstance(part, bytearray):
            part.open(b"")  # says what is missing
            continue
        parts.append(part)
    return Ref(_Encoded(bytes(body), parts, decode), call_target, task_id)


def keep_here(value: object, call_target: str, task_id: str) -> Ref[object]:
    """Make a reference to a value of this process."""
    return Ref(_Here(value), call_target, task_id)


def dereferenced(value: object) -> object:
    """The value with what references stand for, also inside of lists, tuples and dicts: the argument of a call here."""
    kind = type(value)
    if isinstance(value, Ref):
        return value.get()
    if kind is list or kind is tuple:
        items = list(map(dereferenced, value))  # type: ignore[call-overload]  # one of the two
        if all(map(operator.is_, items, value)):  # type: ignore[call-overload]  # see above
            return value
        return items if kind is list else tuple(items)
    if kind is dict:
        found = {key: dereferenced(item) for key, item in value.items()}  # type: ignore[attr-defined]  # see above
        return value if all(map(operator.is_, found.values(), value.values())) else found  # type: ignore[attr-defined]  # see above
    return value
