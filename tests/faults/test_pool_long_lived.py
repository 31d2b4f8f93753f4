"""What a program that runs for months meets: numbers that come again, functions without end, tasks that it keeps."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING, cast

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment
from wetlands._tasks import life
from wetlands.task import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path


def test_the_numbers_of_tasks_begin_again_when_a_frame_has_no_room_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "_numbers", itertools.count(2**32 - 4))
    numbers = [life.new_number() for _ in range(6)]

    assert [2**32 - 4, 2**32 - 3, 2**32 - 2, 2**32 - 1, 1, 2] == numbers


@pytest.mark.parametrize("before", range(1, 6))
def test_calls_of_every_kind_go_on_beyond_the_last_number(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    with an_environment() as environment:
        monkeypatch.setattr(life, "_numbers", itertools.count(2**32 - before))

        assert list(range(5)) == [environment.execute(FUNCTIONS, "echo", (number,)) for number in range(5)]
        assert list(range(300)) == list(environment.map(FUNCTIONS, "echo", range(300)))
        assert "bad input" in str(environment.submit(FUNCTIONS, "fail").wait_for(DEADLINE).error)


def test_a_worker_forgets_the_names_of_functions_that_were_called_long_ago(tmp_path: Path) -> None:
    module = tmp_path / "many.py"
    module.write_text(
        "import gc\nfrom wetlands_worker.serve import Worker\n"
        "def __getattr__(name): return lambda: name\n"
        "def remembered():\n"
        "    return [len(w._targets) for w in gc.get_objects() if type(w) is Worker]\n"
    )
    with an_environment() as environment:
        for number in range(1100):
            assert f"made_{number}" == environment.execute(module, f"made_{number}")

        (remembered,) = cast("list[int]", environment.execute(module, "remembered"))
        assert remembered <= 1024


def test_a_task_that_has_ended_lets_go_of_its_arguments() -> None:
    numpy = pytest.importorskip("numpy")
    with an_environment() as environment:
        ended = []
        for function, status in (
            ("length", TaskStatus.COMPLETED),
            ("unsendable", TaskStatus.FAILED),
            ("echo", TaskStatus.CANCELED),
        ):
            array = numpy.zeros(1_000_000)
            gone = weakref.ref(array)
            blocker = environment.submit(FUNCTIONS, "until_canceled") if status is TaskStatus.CANCELED else None
            task = environment.submit(FUNCTIONS, function, (array,))
            if blocker is not None:
                task.cancel()
                blocker.cancel()
            assert status is task.wait_for(DEADLINE).status
            del array
            ended.append((task, gone))

        environment.execute(FUNCTIONS, "echo")  # whoever told the last of them of its end has finished
        assert [None, None, None] == [gone() for _, gone in ended]
