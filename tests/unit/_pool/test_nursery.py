"""Where workers come from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import pytest

from wetlands._pool.nursery import Nursery

if TYPE_CHECKING:
    from wetlands._launch.process import WorkerProcess


class Starting:
    """A worker that notes when it is waited for."""

    adopted = False

    def __init__(self, index: int, told: list[str]) -> None:
        self.index = index
        self._told = told

    def greet(self) -> None:
        self._told.append(f"{self.index} is waited for")


def test_all_workers_of_a_launch_are_starting_before_one_is_waited_for() -> None:
    told: list[str] = []

    def start(index: int) -> WorkerProcess:
        told.append(f"{index} starts")
        return cast("WorkerProcess", Starting(index, told))

    nursery = Nursery("tested", start=start, born=lambda *_: True, stillborn=lambda *_: None)
    nursery.first(3)

    starts = [f"{index} starts" for index in range(3)]
    assert [*starts, *(f"{index} is waited for" for index in range(3))] == told


def test_a_thread_that_the_ending_interpreter_does_not_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    nursery = Nursery("tested", start=_never, born=lambda *_: True, stillborn=lambda *_: None)
    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(RuntimeError, match="interpreter shutdown"):
        nursery.aside("tested", lambda: None)
    nursery.join()


def _never(index: int) -> WorkerProcess:
    raise AssertionError(index)
