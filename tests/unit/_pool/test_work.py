"""What a call asks for: its arguments, encoded by the quickest way that does."""

from __future__ import annotations

import pytest

from wetlands._pool.work import Work
from wetlands_worker import messages
from wetlands_worker.values import decode


class _Number(int):
    """No plain number: its class must cross."""


@pytest.mark.parametrize("args", [(), (1, 2.5, "ü\ud800", None, True), ("x" * 100_000,), (1,) * 40])
def test_arguments_of_plain_kinds_arrive_as_they_are(args: tuple[object, ...]) -> None:
    work = Work(messages.CALL, b"", "", (args, {}))

    assert (args, {}) == decode(work.values, work.buffers)


@pytest.mark.parametrize("args", [(_Number(3),), (1, [_Number(3)]), (b"x" * 100_000,)])
def test_what_only_looks_like_a_plain_argument_crosses_as_what_it_is(args: tuple[object, ...]) -> None:
    work = Work(messages.CALL, b"", "", (args, {}))
    arrived = decode(work.values, work.buffers)

    assert repr((args, {})) == repr(arrived)
    assert type(args[0]) is type(arrived[0][0])  # type: ignore[index]  # the pair that was sent


def test_a_callable_among_plain_arguments_is_found() -> None:
    assert Work(messages.CALL, b"", "", ((1, lambda: None), {})).callbacks is not None
    assert Work(messages.CALL, b"", "", ((1,), {"x": lambda: None})).callbacks is not None
