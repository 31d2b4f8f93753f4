"""The lines of a task: those that it wrote, all of them when it has ended, and of no other task."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import log_functions
from pools import DEADLINE, an_environment, eventually, say, unlaunched
from wetlands._logs.secrets import forget_secrets
from wetlands.environment_manager import EnvironmentManager
from wetlands.logger import hide_secrets
from wetlands.task import LogLine, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

FUNCTIONS = Path(log_functions.__file__)


@pytest.fixture(params=["started", "forked"])
def environment(request: pytest.FixtureRequest) -> Iterator[ExternalEnvironment]:
    with unlaunched() as launched:
        launched.launch(max_workers=2, preload=["json"] if request.param == "forked" else [])
        yield launched


def ended(task: Task[object]) -> list[str]:
    return [str(line) for line in task.wait_for(DEADLINE).logs()]


def test_a_task_that_has_ended_gives_all_that_it_wrote(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "writes", ("it",)).wait_for(DEADLINE)
    lines = task.logs()

    def of(source: str) -> list[LogLine]:
        return [line for line in lines if line.source == source]

    assert ["it printed", "it without an end"] == [line.text for line in of("stdout")]
    assert [LogLine("it complained", "stderr", logging.INFO)] == of("stderr")
    assert [LogLine("it logged", "log", 30), LogLine("in two lines", "log", 30)] == of("log")
    assert lines == task.logs()


def test_tasks_one_after_the_other_and_side_by_side_do_not_mix(environment: ExternalEnvironment) -> None:
    tasks = [environment.submit(FUNCTIONS, "writes", (f"task {number}",)) for number in range(30)]
    for number, task in enumerate(tasks):
        written = ended(task)
        assert 5 == len(written)
        assert {f"task {number}"} == {" ".join(line.split()[:2]) for line in written if line != "in two lines"}


def test_a_running_task_gives_what_it_has_written_so_far(environment: ExternalEnvironment, tmp_path: Path) -> None:
    release = tmp_path / "release"
    tasks = [environment.submit(FUNCTIONS, "prints_and_waits", (word, str(release))) for word in ("one", "two")]
    for word, task in zip(("one", "two"), tasks, strict=True):
        eventually(task.logs, "it printed")
        assert [f"{word} begun"] == [line.text for line in task.logs()]
    say(release)
    assert [["one begun", "one ends"], ["two begun", "two ends"]] == [ended(task) for task in tasks]


def test_a_silent_task_has_no_lines_and_says_so_at_once(environment: ExternalEnvironment) -> None:
    assert [] == ended(environment.submit(FUNCTIONS, "silent"))
    waits = environment.submit(FUNCTIONS, "silent", start=False)
    assert [] == waits.logs()
    waits.cancel()
    assert [] == waits.logs()


def test_what_failed_streams_and_maps_write_is_there(environment: ExternalEnvironment) -> None:
    assert ["before it failed"] == ended(environment.submit(FUNCTIONS, "fails"))
    tasks = environment.map_tasks(FUNCTIONS, "many", [1, 2, 3])
    assert [["0"], ["0", "1"], ["0", "1", "2"]] == [ended(task) for task in tasks]
    with environment.stream(FUNCTIONS, "items") as stream:
        assert [1] == list(stream)
        assert ["an item comes"] == ended(stream.task)


def test_the_last_words_of_a_worker_that_died_are_there() -> None:
    with an_environment() as environment:
        task = environment.submit(FUNCTIONS, "dies")
        assert ["last words"] == ended(task)
        assert TaskStatus.FAILED is task.status
        assert "it printed" in ended(environment.submit(FUNCTIONS, "writes", ("it",)))
        assert ["last words"] == ended(task)
    assert ["last words"] == ended(task)


def test_a_hundred_thousand_lines_are_bounded() -> None:
    with an_environment() as environment:
        task = environment.submit(FUNCTIONS, "many", (100_000,))
        written = ended(task)
        assert 10_000 == len(written)
        assert [str(number) for number in range(90_000, 100_000)] == written
        early = environment.submit(FUNCTIONS, "writes", ("early",))
        ended(early)
        ended(environment.submit(FUNCTIONS, "many", (20_000,)))
        assert {"stderr", "log"} == {line.source for line in early.logs()}  # its stdout was pushed out by others


def test_what_is_written_below_python_belongs_to_whoever_printed_before_in_the_same_task() -> None:
    with an_environment() as environment:
        assert ["first begins", "first of a child"] == ended(environment.submit(FUNCTIONS, "with_child", ("first",)))
        assert [] == ended(environment.submit(FUNCTIONS, "below_python", ("second",)))
        assert 5 == environment.submit(FUNCTIONS, "silent").wait_for(DEADLINE).result


def test_secrets_are_masked() -> None:
    hide_secrets("open sesame")
    try:
        with an_environment() as environment:
            task = environment.submit(FUNCTIONS, "writes", ("open sesame",))
            assert "*** printed" in ended(task)
            assert not any("sesame" in line for line in ended(task))
    finally:
        forget_secrets()


def test_the_environment_of_this_process_gives_records(tmp_path: Path) -> None:
    with EnvironmentManager(tmp_path, log_file_path=None) as manager:
        task = manager.main_environment.submit(FUNCTIONS, "writes", ("it",)).wait_for(DEADLINE)
        assert [LogLine("it logged", "log", 30), LogLine("in two lines", "log", 30)] == task.logs()
