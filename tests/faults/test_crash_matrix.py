"""The crash matrix: whatever a function does to its worker, its caller learns what it was, and nobody else notices.

Each saboteur runs on one of two workers while a neighbour runs on the other one. What must hold every time: the call
ends within bounds, as the row says; the neighbour completes; both workers answer afterwards; and (the leak detector of
every test) no process, thread, descriptor, temporary file or shared memory is left behind.
"""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import saboteur_functions
from pools import DEADLINE, FUNCTIONS, an_environment, eventually, pids, say, unlaunched
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

SABOTEURS = Path(saboteur_functions.__file__)
LINUX = Path("/proc/self/stat").exists()

INTERNAL = TaskFailureCategory.INTERNAL_EXCEPTION
REMOTE = TaskFailureCategory.REMOTE_EXCEPTION
DIED = TaskFailureCategory.WORKER_DIED
TIMEOUT = TaskFailureCategory.TIMEOUT
SERIALIZATION = TaskFailureCategory.SERIALIZATION


@dataclass(frozen=True)
class Row:
    """One saboteur, and how its call ends.

    Attributes:
        function: Of `saboteur_functions`.
        ends: The category of its failure, or the status of its task.
        message: A pattern that the message of its failure contains.
        args: Its arguments.
        timeout: The seconds that it may run.
        force_after: Cancel it when it runs, and force that after so many seconds.
        replaced: Whether another process serves in its place afterwards; None when that is a matter of luck.
    """

    function: str
    ends: TaskFailureCategory | TaskStatus = TaskStatus.COMPLETED
    message: str = ""
    args: tuple[object, ...] = ()
    timeout: float | None = None
    force_after: float | None = None
    replaced: bool | None = False
    facts: dict[str, Any] = field(default_factory=dict)  # Any: of whatever type a field of TaskFailure is

    def __str__(self) -> str:
        how = "" if self.timeout is None else "-in-time"
        return self.function + how + ("" if self.force_after is None else "-canceled")


ROWS = (
    Row("raises", REMOTE, "^Remote ValueError from saboteur_functions: bad input$"),
    Row("exits_with_success", REMOTE, "SystemExit"),
    Row("exits_with_words", REMOTE, "SystemExit.*no licence"),
    Row("leaves_at_once", DIED, r"^Worker \d pid \d+ died with exit code 0$", replaced=True, facts={"exit_code": 0}),
    Row("segfaults", DIED, "SIGSEGV", replaced=True, facts={"signal": int(signal.SIGSEGV)}),
    Row("aborts", DIED, "SIGABRT", replaced=True, facts={"signal": int(signal.SIGABRT)}),
    Row("killed_while_busy", DIED, "SIGKILL", replaced=True, facts={"signal": 9, "exit_code": None}),
    Row("killed_while_idle", replaced=True),
    Row("hangs_in_python", TIMEOUT, "ran out of its time.*is busy", timeout=0.3, replaced=True, facts={"timeout": 0.3}),
    Row("hangs_in_python", TaskStatus.CANCELED, force_after=0.1),
    Row("hangs_in_a_lock", TIMEOUT, "is stuck or waits in hangs_in_a_lock", timeout=0.3, replaced=True),
    Row("hangs_in_a_lock", TaskStatus.CANCELED, force_after=0.1),
    Row("hangs_in_c", TIMEOUT, "it waits in native code that holds Python's lock", timeout=0.3, replaced=True),
    Row("computes_in_c", TaskStatus.CANCELED, force_after=0.1, replaced=True),
    Row("stops_itself", TIMEOUT, "its process is stopped", timeout=0.3, replaced=True),
    Row("ignores_signals", TIMEOUT, "ran out of its time", timeout=0.3, replaced=True),
    Row("ignores_signals", TaskStatus.CANCELED, force_after=0.1, replaced=True),
    Row("writes_to_descriptor_1"),
    Row("closes_descriptor_1"),
    Row("closes_all_descriptors", DIED, "died with", replaced=True),
    Row("floods_stderr"),
    Row("returns_what_cannot_be_sent", SERIALIZATION, r"result\['bad'\]\[0\] \(of type function\) cannot be sent"),
    Row("raises_what_cannot_be_pickled", REMOTE, "UnsendableError.*holds a lock"),
    Row("raises_what_has_no_repr", REMOTE, "SpeechlessError"),
    Row("raises_what_interrupts_when_shown", INTERNAL, "InterruptingError, which could not be described"),
    Row("takes", DIED, "exit code 4", args=(saboteur_functions.EndsTheProcess(),), replaced=True),
    Row("takes", SERIALIZATION, "no number", args=(saboteur_functions.FailsToArrive(),)),
    Row("dies_while_its_result_is_encoded", DIED, "exit code 5", replaced=True),
    Row("fails_while_its_result_is_encoded", SERIALIZATION, "result"),
    Row("recurses_without_end", REMOTE, "RecursionError"),
    Row("forks_a_child_that_stays"),
    Row("starts_a_command_that_stays"),
    Row("starts_lasting_threads"),
    Row("leaves_shared_memory"),
    Row("dies_with_shared_memory", DIED, "SIGKILL", replaced=True),
    Row("eats_memory", REMOTE, "MemoryError"),
    Row("raises_in_every_trace", REMOTE, "RuntimeError.*traced"),
)


@pytest.fixture(params=["started", pytest.param("forked", marks=pytest.mark.slow)])
def environment(request: pytest.FixtureRequest) -> Iterator[ExternalEnvironment]:
    with unlaunched() as environment:
        environment.launch(max_workers=2, preload=["json"] if request.param == "forked" else [])
        yield environment


@pytest.mark.skipif(not LINUX, reason="signals, fork and /proc")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_saboteur_is_told_from_others_and_harms_nobody(
    row: Row, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    neighbour = environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "go"),))
    eventually(lambda: neighbour.message == "begun", "the neighbour runs")
    assert neighbour.error is None
    before = pids(environment)

    _ends_as_expected(row, _sabotaged(row, environment))

    if row.replaced:
        eventually(lambda: len(set(pids(environment)) - set(before)) == 1, "a replacement")
    assert "still there" == environment.execute(SABOTEURS.with_name("pool_functions.py"), "echo", ("still there",))
    assert TaskStatus.RUNNING is neighbour.status
    say(tmp_path / "go")
    assert str(tmp_path / "go") == neighbour.wait_for(DEADLINE).result
    _both_workers_answer(environment, tmp_path)
    if row.replaced is False:
        assert before == pids(environment)


def _sabotaged(row: Row, environment: ExternalEnvironment) -> Task[object]:
    task = environment.submit(SABOTEURS, row.function, row.args, timeout=row.timeout)
    if row.force_after is not None:
        eventually(lambda: f"in {row.function}" in task.stack(), "it runs")
        task.cancel(force_after=row.force_after)
    return task.wait_for(DEADLINE)


def _ends_as_expected(row: Row, task: Task[object]) -> None:
    if isinstance(row.ends, TaskStatus):
        assert (row.ends, None) == (task.status, task.error)
        return
    error = task.error
    assert error is not None
    assert row.ends is error.category
    assert re.search(row.message, str(error)), str(error)
    assert row.facts == {name: getattr(error, name) for name in row.facts}
    assert f"saboteur_functions:{row.function}" == error.call_target
    assert error.worker is not None


def _both_workers_answer(environment: ExternalEnvironment, folder: Path) -> None:
    meeting = folder / "meeting"
    meeting.mkdir()
    tasks = [environment.submit(FUNCTIONS, "wait_for_others", (str(meeting), name, 2)) for name in "ab"]
    assert [2, 2] == [task.wait_for(DEADLINE).result for task in tasks]


@pytest.mark.skipif(not LINUX, reason="removes an interpreter that runs")
def test_a_worker_that_deletes_its_prefix_serves_on_and_its_replacement_fails_with_the_reason(tmp_path: Path) -> None:
    import subprocess

    prefix = tmp_path / "prefix"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    with an_environment(prefix / "bin" / "python") as environment:
        assert str(prefix) == environment.execute(SABOTEURS, "deletes_its_prefix")
        assert "still there" == environment.execute(FUNCTIONS, "echo", ("still there",))
        task = environment.submit(SABOTEURS, "killed_while_busy").wait_for(DEADLINE)

        assert task.error is not None
        assert DIED is task.error.category
        waiting = environment.submit(FUNCTIONS, "echo").wait_for(DEADLINE)
        assert waiting.error is not None
        assert TaskFailureCategory.ENVIRONMENT is waiting.error.category
        assert "cannot be started" in str(waiting.error)
        assert not environment.launched()


def test_a_worker_that_can_import_nothing_any_more_says_so_and_is_replaced() -> None:
    with an_environment() as environment:
        (before,) = pids(environment)
        environment.execute(SABOTEURS, "breaks_the_import_system")
        error = environment.submit(FUNCTIONS, "echo").wait_for(DEADLINE).error

        assert error is not None
        assert INTERNAL is error.category
        assert "ModuleNotFoundError, and a task has left this process unable to import" in str(error)
        assert before != environment.execute(FUNCTIONS, "pid")
