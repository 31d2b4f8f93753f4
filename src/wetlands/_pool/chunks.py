"""``map`` with an explicit ``chunksize``: so many items are one unit, on one worker, in one frame each way."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from wetlands._pool.mapping import MapIterator
from wetlands.exceptions import ExecutionException
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wetlands._pool.call import Work
    from wetlands._pool.pool import Pool

__all__ = ["Chunks"]

T = TypeVar("T")


class Chunks:
    """How the items of a ``map`` are sent.

    Args:
        encode: Makes the work of a kind of frame, its values and its time limit.
        call_timeout: Seconds that each call may run.
        size: How many items are one task; None leaves that to how long the calls take.
    """

    def __init__(
        self,
        encode: Callable[[int, tuple[object, object], float | None], Work],
        call_timeout: float | None,
        size: int | None,
    ) -> None:
        self._encode = encode
        self._call_timeout = call_timeout
        self._size = size

    def results(self, items: Iterable[object], pool: Pool, *, ordered: bool, timeout: float | None) -> Iterator[object]:
        """Call the function with each item; see `wetlands.environment.Environment.map`."""
        size = self._size
        if size is None or size == 1:
            batches = size is None
            return MapIterator(items, work=self._single, pool=pool, ordered=ordered, timeout=timeout, batches=batches)
        chunks = self._chunks(iter(items), size)
        return _Results(MapIterator(chunks, work=_ready, pool=pool, ordered=ordered, timeout=timeout))

    def _single(self, item: object) -> Work:
        return self._encode(messages.CALL, ((item,), {}), self._call_timeout)

    def _chunk(self, items: list[object]) -> Work:
        limit = None if self._call_timeout is None else self._call_timeout * len(items)
        return self._encode(messages.CHUNK, (items, None), limit)

    def _chunks(self, items: Iterator[object], size: int) -> Iterator[Work | ExecutionException]:
        """Encoded chunks; an item that cannot be sent ends its chunk before it, and its failure follows."""
        while chunk := list(islice(items, size)):
            try:
                yield self._chunk(chunk)
            except ExecutionException as error:  # noqa: PERF203 - once for each chunk
                good, problem = self._sendable(chunk, error)
                if good:
                    yield self._chunk(good)
                yield problem

    def _sendable(self, chunk: list[object], error: ExecutionException) -> tuple[list[object], ExecutionException]:
        for position, item in enumerate(chunk):
            try:
                self._single(item)
            except ExecutionException as own:  # noqa: PERF203 - only after a failure
                return chunk[:position], own
        return [], error


def _ready(made: object) -> Work:
    if isinstance(made, ExecutionException):
        raise made
    return cast("Work", made)


class _Results(Generic[T]):
    """The results of chunks, one by one; the failure of an item comes in its turn."""

    def __init__(self, chunks: MapIterator[tuple[list[T], ExecutionException | None]]) -> None:
        self._chunks = chunks
        self._ready: Iterator[T] = iter(())
        self._error: ExecutionException | None = None

    def __iter__(self) -> _Results[T]:
        return self

    def __next__(self) -> T:
        while True:
            for result in self._ready:
                return result
            if self._error is not None:
                error, self._error = self._error, None
                self.close()
                raise error
            results, self._error = next(self._chunks)
            self._ready = iter(results)

    def close(self) -> None:
        """Cancel what is left; nothing more is yielded."""
        self._ready = iter(())
        self._chunks.close()
