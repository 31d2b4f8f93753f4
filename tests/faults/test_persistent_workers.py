"""Workers that outlive their program: killed programs, kept results, and what works as with other workers."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistent import DESERTED, a_program, attached, begun, said_pids
from pools import DEADLINE, FUNCTIONS, eventually, in_thread, is_running, pids, pool_of, suspend
from wetlands._launch.process import WorkerProcess
from wetlands.exceptions import AttachError
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")
TRANSPORTS = pytest.mark.parametrize("transport", ["unix", "tcp"])


@TRANSPORTS
def test_a_second_program_takes_the_workers_of_a_killed_one_runs_a_task_gets_the_pending_result_and_ends_them(
    instance: Instance, tmp_path: Path, transport: str
) -> None:
    go = tmp_path / "go"
    with a_program(instance, "launches", transport, str(go)) as program:
        said = program.says()
        program.signal(signal.SIGKILL)
    note = instance.note
    assert f"{transport}:" == note.address[: len(transport) + 1]
    go.touch()

    environment = attached(instance)

    assert said_pids(note) == pids(environment)
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
    (task,) = environment.pending_results()
    assert (said["task"], TaskStatus.COMPLETED, "done") == (task.id, task.status, task.result)
    assert ("seen", 1, 2, {"path": str(go)}) == (task.message, task.current, task.maximum, task.outputs)
    assert [] == environment.pending_results()
    environment.exit()
    eventually(instance.is_empty, "the keeper ends")
    assert [False, False, False] == [is_running(pid) for pid in (note.process.pid, *said_pids(note))]


@TRANSPORTS
def test_an_answer_that_the_killed_program_had_received_and_not_read_is_kept(
    instance: Instance, tmp_path: Path, transport: str
) -> None:
    go = tmp_path / "go"
    with a_program(instance, "launches", transport, str(go)) as program:
        said = program.says()
        suspend(program.process.pid)
        go.touch()
        eventually(lambda: not busy(said_pids(instance.note)), "the answer is sent")
        program.signal(signal.SIGKILL)

    (task,) = attached(instance).pending_results()

    assert (said["task"], "done") == (task.id, task.result)


def busy(workers: list[int]) -> bool:
    """Whether one of them still waits for its file, which it looks for 200 times a second."""
    before = [switches(pid) for pid in workers]
    time.sleep(0.05)
    return before != [switches(pid) for pid in workers]


def switches(pid: int) -> str:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return status.partition("voluntary_ctxt_switches:")[2].split()[0]


def test_an_answer_that_was_read_is_not_given_again(instance: Instance, environment: ExternalEnvironment) -> None:
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
    environment.detach()

    assert [] == attached(instance).pending_results()


def test_an_answer_that_a_killed_program_had_read_is_not_given_again(instance: Instance) -> None:
    with a_program(instance, "rests") as program:
        assert {"sum": 3} == program.says()
        time.sleep(0.3)  # longer than it takes to say so
        program.signal(signal.SIGKILL)

    assert [] == attached(instance).pending_results()


def test_what_ran_at_the_detach_fails_here_and_its_result_is_given_to_the_next_program_with_its_array(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    numpy = pytest.importorskip("numpy")
    go = tmp_path / "go"
    task = begun(environment, go, numpy.arange(1_000_000))
    queued = environment.submit(FUNCTIONS, "add", (1, 2))
    environment.detach()
    assert (TaskStatus.FAILED, TaskStatus.CANCELED) == (task.status, queued.status)
    assert task.error is not None
    assert TaskFailureCategory.ENVIRONMENT == task.error.category
    assert "has detached from environment 'tested' while pool_functions:begins_until_path" in str(task.exception)
    go.touch()

    (past,) = attached(instance).pending_results()

    assert task.id == past.id
    assert (numpy.arange(1_000_000) == past.result).all()


def test_a_failure_is_kept_as_well_as_a_result(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    task = begun(environment, go, ...)  # an ellipsis can be sent, so this is a mere marker
    environment.detach()
    with pytest.raises(AttachError):
        attached(instance, 0.2)
    go.touch()
    later = attached(instance)
    (past,) = later.pending_results()
    assert (task.id, TaskStatus.COMPLETED) == (past.id, past.status)

    failing = later.submit(FUNCTIONS, "fails_after_path", (str(tmp_path / "again"),))
    eventually(lambda: failing.message, "it runs")
    later.detach()
    (tmp_path / "again").touch()
    (failed,) = attached(instance).pending_results()

    assert (failing.id, TaskStatus.FAILED) == (failed.id, failed.status)
    assert failed.error is not None
    assert (failing.id, "Remote ValueError from pool_functions: too late") == (failed.error.task_id, str(failed.error))
    assert "fails_after_path" in str(failed.traceback)


def test_results_are_kept_for_as_long_as_was_said(instance: Instance, tmp_path: Path) -> None:
    environment = instance.environment()
    environment.launch(persistent=True, keep_results=0.2)
    go = tmp_path / "go"
    begun(environment, go)
    environment.detach()
    go.touch()
    eventually(lambda: "the path is there" in instance.log, "it has ended")
    time.sleep(0.3)

    assert [] == attached(instance).pending_results()


def test_a_program_that_ends_by_itself_takes_its_workers_along_unless_it_has_detached(instance: Instance) -> None:
    for how, left in (("detached", 1), ("exited", 0)):
        with a_program(instance, "ends", how) as program:
            assert {"sum": 3} == program.says()
            assert 0 == program.process.wait(DEADLINE)
        if left:
            attached(instance).exit()
        eventually(instance.is_empty, "nothing is left")


def test_a_stream_is_closed_and_a_callable_fails_when_their_program_is_gone(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    stream = environment.stream(DESERTED, "streams_until_closed", (str(tmp_path / "closed"),), window=1)
    assert 0 == next(stream)
    environment.detach()
    eventually((tmp_path / "closed").exists, "the generator is closed where it stands")

    later = attached(instance)
    (past,) = later.pending_results()
    assert TaskStatus.CANCELED == past.status
    waits = threading.Event()
    task = later.submit(DESERTED, "calls_back", (waits.wait, str(tmp_path / "error")))
    eventually(lambda: task.message, "it calls")
    finish = in_thread(later.detach)
    path, wanted = tmp_path / "error", "ConnectionError: the program that made this call has gone"
    eventually(lambda: path.exists() and wanted in path.read_text(), "the callable fails")
    waits.set()
    finish()


def test_a_child_that_the_killed_program_has_forked_does_not_keep_the_workers(
    instance: Instance, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with a_program(instance, "forks", str(go)) as program:
        said = program.says()
        program.signal(signal.SIGKILL)
        assert is_running(said["child"])
        go.touch()
        (task,) = attached(instance).pending_results()
        assert said["task"] == task.id
        os.kill(said["child"], signal.SIGKILL)


def test_what_one_worker_has_kept_is_not_lost_when_another_one_is_busy(instance: Instance, tmp_path: Path) -> None:
    environment = instance.environment()
    environment.launch(max_workers=2, persistent=True)
    first, second = begun(environment, tmp_path / "first"), begun(environment, tmp_path / "second")
    environment.detach()
    (tmp_path / "first").touch()
    with pytest.raises(AttachError, match="runs a call"):
        attached(instance, 1.0)
    (tmp_path / "second").touch()

    assert {first.id, second.id} == {task.id for task in attached(instance).pending_results()}


def test_a_map_that_was_under_way_leaves_nothing_but_its_last_results(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    go = str(tmp_path / "go")
    items = [(number, "" if number < 2000 else go) for number in range(2001)]
    results = environment.map(DESERTED, "waits_at", items)
    assert list(range(1900)) == [next(results) for _ in range(1900)]
    environment.detach()
    Path(go).touch()
    later = attached(instance)
    assert all(task.result in range(2001) for task in later.pending_results())
    for number in range(50):
        assert number == later.execute(FUNCTIONS, "echo", (number,))
    later.detach()

    assert [] == attached(instance).pending_results()


def test_a_call_that_is_being_sent_at_the_detach_is_canceled_and_its_worker_lives_on(
    instance: Instance, environment: ExternalEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, hung_up = pool_of(environment), threading.Event()
    worker = pool.workers[0]

    def hang_up() -> None:
        WorkerProcess.hang_up(worker.process)
        hung_up.set()

    monkeypatch.setattr(worker.process, "hang_up", hang_up)
    monkeypatch.setattr(pool._overtime, "begins", lambda *_: hung_up.wait(DEADLINE))  # just before it is sent
    submit = in_thread(lambda: environment.submit(FUNCTIONS, "add", (1, 2)))
    eventually(lambda: pool._roster.busy(worker), "it is being sent")
    environment.detach()

    assert TaskStatus.CANCELED == submit().wait_for(DEADLINE).status
    assert [worker.process.pid] == pids(attached(instance))


def test_a_worker_whose_call_runs_out_of_its_time_during_the_detach_lives_on(
    instance: Instance, environment: ExternalEnvironment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker, go = pool_of(environment).workers[0], tmp_path / "go"

    def hang_up() -> None:
        time.sleep(0.4)
        WorkerProcess.hang_up(worker.process)

    monkeypatch.setattr(worker.process, "hang_up", hang_up)
    task = environment.submit(FUNCTIONS, "begins_until_path", (str(go), "done"), timeout=0.2)
    environment.detach()
    go.touch()

    assert "has detached" in str(task.exception)
    assert [worker.process.pid] == pids(attached(instance))


def test_a_program_that_takes_plain_values_only_takes_no_others_of_those_that_were_kept(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    plain = begun(environment, tmp_path / "go", [1, "two"])
    environment.detach()
    (tmp_path / "go").touch()
    careful = instance.environment(accept="plain")
    careful._attach(DEADLINE)
    assert [(plain.id, [1, "two"])] == [(task.id, task.result) for task in careful.pending_results()]

    odd = begun(careful, tmp_path / "again", argparse.Namespace(odd=True))
    careful.detach()
    (tmp_path / "again").touch()
    careful._attach(DEADLINE)
    (task,) = careful.pending_results()

    assert (odd.id, TaskStatus.FAILED) == (task.id, task.status)
    assert task.error is not None
    assert TaskFailureCategory.SERIALIZATION == task.error.category
    assert "argparse.Namespace" in str(task.error)
    assert 3 == careful.execute(FUNCTIONS, "add", (1, 2))
