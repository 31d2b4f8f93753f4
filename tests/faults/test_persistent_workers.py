"""Workers that outlive their program: killed programs, racing ones, kept results, and what is held of the old one."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistent import NAME, a_program, an_instance
from pools import DEADLINE, FUNCTIONS, eventually, in_thread, is_running, pids, pool_of
from wetlands.exceptions import AttachError, EnvironmentNotFoundError, ExecutionException, LaunchError
from wetlands.task import TaskFailureCategory, TaskStatus
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from persistent import Instance
    from wetlands._store.keepers import KeeperNote
    from wetlands.external_environment import ExternalEnvironment
    from wetlands.task import Task

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")
TRANSPORTS = pytest.mark.parametrize("transport", ["unix", "tcp"])


@pytest.fixture
def instance() -> Iterator[Instance]:
    with an_instance() as made:
        yield made


@pytest.fixture
def environment(instance: Instance) -> ExternalEnvironment:
    """With one persistent worker."""
    made = instance.environment()
    made.launch(persistent=True)
    return made


def attached(instance: Instance, timeout: float = DEADLINE) -> ExternalEnvironment:
    """The environment of one more program, which has the workers."""
    environment = instance.environment()
    environment._attach(timeout)
    return environment


def begun(environment: ExternalEnvironment, go: Path, result: object = "done") -> Task[object]:
    """A call that runs until there is a file."""
    task = environment.submit(FUNCTIONS, "begins_until_path", (str(go), result))
    eventually(lambda: task.message, "it runs")
    return task


# ------------------------------------------------------------------------------------ programs that go, and come


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

    assert [worker.pid for worker in note.workers.values()] == pids(environment)
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
    (task,) = environment.pending_results()
    assert (said["task"], TaskStatus.COMPLETED, "done") == (task.id, task.status, task.result)
    assert ("seen", 1, 2, {"path": str(go)}) == (task.message, task.current, task.maximum, task.outputs)
    assert [] == environment.pending_results()
    environment.exit()
    eventually(instance.is_empty, "the keeper ends")
    assert [False, False, False] == [is_running(pid) for pid in (note.process.pid, *said_pids(note))]


def said_pids(note: KeeperNote) -> list[int]:
    return [worker.pid for worker in note.workers.values()]


@TRANSPORTS
def test_an_answer_that_the_killed_program_had_received_and_not_read_is_kept(
    instance: Instance, tmp_path: Path, transport: str
) -> None:
    go = tmp_path / "go"
    with a_program(instance, "launches", transport, str(go)) as program:
        said = program.says()
        os.kill(program.process.pid, signal.SIGSTOP)
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
    stream = environment.stream(FUNCTIONS, "streams_until_closed", (str(tmp_path / "closed"),), window=1)
    assert 0 == next(stream)
    environment.detach()
    eventually((tmp_path / "closed").exists, "the generator is closed where it stands")

    later = attached(instance)
    (past,) = later.pending_results()
    assert TaskStatus.CANCELED == past.status
    waits = threading.Event()
    task = later.submit(FUNCTIONS, "calls_back", (waits.wait, str(tmp_path / "error")))
    eventually(lambda: task.message, "it calls")
    finish = in_thread(later.detach)
    eventually((tmp_path / "error").exists, "the callable fails")
    waits.set()
    finish()

    assert "ConnectionError: the program that made this call has gone" in (tmp_path / "error").read_text()


# --------------------------------------------------------------------------- one program at a time, one set of workers


def test_of_two_programs_that_race_for_one_pool_one_gets_it_and_the_other_is_told_by_whom(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    environment.detach()
    with a_program(instance, "races") as first, a_program(instance, "races") as second:
        assert [{"ready": True}] * 2 == [first.says(), second.says()]
        first.tell()
        second.tell()
        outcomes = {program: program.says() for program in (first, second)}
        winner, loser = sorted(outcomes, key=lambda program: not outcomes[program]["won"])
        assert [True, False] == [outcomes[winner]["won"], outcomes[loser]["won"]]
        assert 3 == outcomes[winner]["sum"]
        assert f"program {winner.process.pid} (saboteur_program.py) since" in outcomes[loser]["reason"]
        winner.tell()
        assert 0 == winner.process.wait(DEADLINE)

    assert 3 == attached(instance).execute(FUNCTIONS, "add", (1, 2))


def test_programs_that_launch_or_attach_at_the_same_time_share_one_set_of_workers(instance: Instance) -> None:
    keeps = instance.environment()
    keeps.launch(persistent=True)
    keeps.detach()
    with a_program(instance, "launch_races") as first, a_program(instance, "launch_races") as second:
        assert [{"ready": True}] * 2 == [first.says(), second.says()]
        first.tell()
        second.tell()
        assert [{"won": True, "sum": 3}] * 2 == [first.says(), second.says()]
    assert 1 == len(instance.note.workers)


def test_a_program_waits_for_the_workers_for_as_long_as_it_said(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    finish = in_thread(lambda: attached(instance))
    time.sleep(0.3)  # it waits meanwhile, of which nothing tells
    environment.detach()

    assert 3 == finish().execute(FUNCTIONS, "add", (1, 2))


def test_the_second_launch_of_persistent_workers_is_refused_with_what_is_there(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    note = instance.note
    other = instance.environment()

    with pytest.raises(
        LaunchError, match=f"there are workers with pid {pids(environment)[0]}, kept by process"
    ) as error:
        other.launch(persistent=True)

    assert f"kill -n {NAME}" in str(error.value)
    assert note == instance.note
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))


def test_busy_workers_are_named_with_pid_and_address_and_how_to_stop_them_and_are_left_as_they_are(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    task, note = begun(environment, tmp_path / "go"), instance.note
    environment.detach()

    with pytest.raises(AttachError, match=f"worker 0 pid {said_pids(note)[0]} runs a call") as caught:
        attached(instance, 0.3)

    said = str(caught.value)
    assert f"workers with pid {said_pids(note)[0]}, kept by process {note.process.pid} at {note.address}" in said
    assert f'`wetlands -wip "{instance.root}" kill -n {NAME}`, or `kill {note.process.pid}`' in said
    assert note == instance.note
    (tmp_path / "go").touch()
    (past,) = attached(instance).pending_results()
    assert task.id == past.id


def test_the_verbs_of_a_manager_find_launch_and_refuse(instance: Instance) -> None:
    manager = instance.manager()
    with pytest.raises(EnvironmentNotFoundError):
        manager.attach("nothing")
    with pytest.raises(EnvironmentNotFoundError):
        manager.launch_or_attach("nothing")
    environment = manager.load(NAME, sys.prefix)
    with pytest.raises(AttachError, match=r"there are none. Start some with launch"):
        manager.attach(NAME)
    with pytest.raises(ValueError, match="attach_timeout"):
        manager.attach(NAME, attach_timeout=0)
    with pytest.raises(ValueError, match="preload"):
        environment.launch(persistent=True, preload=["json"])
    with pytest.raises(ValueError, match="persistent is True, False, or 'tcp'"):
        environment.launch(persistent="unix")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(AttachError, match="this very process"):
        manager.launch_or_attach(manager.main_environment)

    assert environment is manager.launch_or_attach(NAME)
    assert environment is manager.launch_or_attach(environment)
    before = pids(environment)  # type: ignore[arg-type]  # it is an ExternalEnvironment
    manager.detach()
    assert environment is manager.attach(NAME)
    assert before == pids(environment)  # type: ignore[arg-type]  # see above
    manager.exit()
    eventually(instance.is_empty, "nothing is left")


# ------------------------------------------------------------------------------------- deaths


def test_workers_end_when_their_keeper_is_killed_and_calls_fail_then(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    note = instance.note
    task = begun(environment, tmp_path / "never")
    os.kill(note.process.pid, signal.SIGKILL)

    task.wait_for(DEADLINE)

    assert TaskStatus.FAILED == task.status
    eventually(lambda: not any(map(is_running, said_pids(note))), "the workers end")
    environment.exit()
    assert instance.is_empty()
    with pytest.raises(AttachError, match="there are none"):
        attached(instance, 0.2)


def test_idle_workers_end_when_their_keeper_is_killed_without_a_program(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    note = instance.note
    environment.detach()
    os.kill(note.process.pid, signal.SIGKILL)

    eventually(lambda: not any(map(is_running, said_pids(note))), "the workers end")
    assert instance.is_empty()


def test_a_worker_that_dies_without_a_program_is_told_of_in_the_log_and_replaced_at_the_next_one(
    instance: Instance,
) -> None:
    environment = instance.environment()
    environment.launch(max_workers=2, persistent=True, worker_env=lambda index: {"INDEX": f"number {index}"})
    environment.detach()
    first, second = said_pids(instance.note)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: f"Worker 0 pid {first} ended, by signal 9" in instance.log, "the keeper tells")

    later = attached(instance)

    assert second in pids(later)
    assert first not in pids(later)
    assert {"number 0", "number 1"} == set(later.map(FUNCTIONS, "slow_variable", ["INDEX"] * 2))


def test_a_worker_that_dies_of_a_call_of_the_second_program_explains_itself_and_is_replaced(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    environment.detach()
    later = attached(instance)
    before = pids(later)

    with pytest.raises(ExecutionException) as caught:
        later.execute(FUNCTIONS, "die")

    failure = caught.value.failure
    assert (TaskFailureCategory.WORKER_DIED, signal.SIGKILL) == (failure.category, failure.signal)
    assert failure.worker is not None
    assert (before[0], True, None) == (failure.worker.pid, failure.worker.persistent, failure.worker.port)
    assert before != [later.execute(FUNCTIONS, "pid")]
    later.detach()
    assert said_pids(instance.note) == pids(attached(instance))


def test_all_workers_dead_and_no_program_is_the_end_of_the_keeper(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    environment.detach()
    note = instance.note
    os.kill(said_pids(note)[0], signal.SIGKILL)

    eventually(lambda: not is_running(note.process.pid), "the keeper ends")
    assert instance.is_empty()


def test_a_launch_that_fails_leaves_neither_worker_nor_keeper(instance: Instance) -> None:
    environment = instance.environment()
    with pytest.raises(LaunchError, match="the initializer failed in worker 0: Remote ValueError"):
        environment.launch(persistent=True, initializer=(FUNCTIONS, "fail", ()))

    eventually(instance.is_empty, "nothing is left")
    environment.launch(persistent=True)
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))


def test_the_initializer_runs_once_in_each_worker_and_in_replacements_that_another_program_starts(
    instance: Instance, tmp_path: Path
) -> None:
    environment, path = instance.environment(), tmp_path / "prepared"
    environment.launch(persistent=True, initializer=(FUNCTIONS, "append", (str(path), "x")))
    environment.detach()
    later = attached(instance)
    assert "x" == path.read_text()

    with pytest.raises(ExecutionException):
        later.execute(FUNCTIONS, "die")

    assert 3 == later.execute(FUNCTIONS, "add", (1, 2))
    assert "xx" == path.read_text()


def test_a_worker_that_holds_the_lock_of_python_is_busy_and_can_be_ended(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    task = environment.submit(FUNCTIONS, "counts")
    eventually(lambda: task.message, "it computes in C")
    note = instance.note
    environment.detach()
    with pytest.raises(AttachError, match="or does not answer"):
        attached(instance, 0.3)

    os.kill(said_pids(note)[0], signal.SIGKILL)
    eventually(instance.is_empty, "the keeper ends too")


# ------------------------------------------------------------------------------- when they end by themselves


def test_idle_workers_without_a_program_end_after_their_idle_timeout(instance: Instance) -> None:
    environment = instance.environment()
    environment.launch(persistent=True, idle_timeout=0.1)
    time.sleep(0.3)  # a program is there: it does not count
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
    environment.detach()

    eventually(instance.is_empty, "they end")
    assert "The workers without a program end: they were idle for 0.1 s" in instance.log


def test_results_that_nobody_has_fetched_keep_idle_workers(instance: Instance, tmp_path: Path) -> None:
    environment, go = instance.environment(), tmp_path / "go"
    environment.launch(persistent=True, idle_timeout=0.1)
    begun(environment, go)
    environment.detach()
    go.touch()
    eventually(lambda: "the path is there" in instance.log, "it has ended")
    time.sleep(1.5)  # longer than the keeper takes to look

    assert 1 == len(attached(instance).pending_results())


# -------------------------------------------------------------------------- what is held, and what is written


def test_nothing_of_the_terminal_the_folder_and_the_session_of_the_program_is_held(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    note = instance.note
    assert str(Path.cwd()) == environment.execute("os", "getcwd")
    environment.detach()
    eventually(lambda: os.sep == read(f"/proc/{said_pids(note)[0]}/cwd"), "it leaves the folder")
    ours = {read(f"/proc/self/fd/{number}") for number in (0, 1, 2)} - {os.devnull}

    for pid in (note.process.pid, *said_pids(note)):
        links = {read(str(path)) for path in Path(f"/proc/{pid}/fd").iterdir()}
        assert set() == links & ours
        assert os.sep == read(f"/proc/{pid}/cwd")
        assert os.getsid(pid) != os.getsid(0)
        terminal = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[4]
        assert "0" == terminal


def read(link: str) -> str:
    return os.readlink(link)  # noqa: PTH115 - "pipe:[1]" is no path


def test_what_workers_write_while_no_program_is_there_is_in_the_log_with_its_task(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    task = begun(environment, go)
    environment.detach()
    go.touch()

    wanted = f" INFO    {NAME} worker 0 task {task.id} stdout: the path is there\n"
    eventually(lambda: wanted in instance.log, "the keeper writes it down")


def test_secrets_are_hidden_in_what_the_keeper_writes(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wetlands._logs import secrets

    environment.exit()
    secrets.hide_secrets("the path")
    try:
        environment.launch(persistent=True)
    finally:
        secrets.forget_secrets()
    begun(environment, tmp_path / "go")
    environment.detach()
    (tmp_path / "go").touch()

    eventually(lambda: "stdout: *** is there" in instance.log, "the keeper writes it down")


def test_the_state_is_for_this_user_alone(instance: Instance, environment: ExternalEnvironment) -> None:
    state = instance.root / "state"

    modes = {path.name: path.stat().st_mode & 0o077 for path in (state, state / "keepers", state / "auth.key")}

    assert {"state": 0, "keepers": 0, "auth.key": 0} == modes


def test_workers_of_another_version_of_the_protocol_are_refused_with_both_versions(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    note = instance.note
    environment.detach()
    path = instance.root / "state" / "keepers" / f"{note.process.pid}.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "protocol": PROTOCOL_VERSION + 1, "version": "9.9"}))

    with pytest.raises(AttachError) as caught:
        attached(instance, 0.3)

    assert f"wetlands 9.9, which speaks version {PROTOCOL_VERSION + 1} of the protocol" in str(caught.value)
    assert f"which speaks version {PROTOCOL_VERSION}" in str(caught.value)
    path.write_text(json.dumps(stored))


def test_the_note_of_a_process_that_is_gone_counts_for_nothing_even_if_its_number_came_back(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    note = instance.note
    environment.exit()
    path = instance.root / "state" / "keepers" / "1.json"
    stored: dict[str, object] = {
        "environment": NAME,
        "generation": None,
        "pid": os.getpid(),
        "started": 1.0,  # this process was started later
        "address": note.address,
        "protocol": note.protocol,
        "version": note.version,
        "program": "x",
        "since": 1.0,
        "workers": [],
    }
    path.write_text(json.dumps(stored))

    with pytest.raises(AttachError, match="there are none"):
        attached(instance, 0.3)

    assert not path.exists()
    assert is_running(os.getpid())


def test_many_calls_maps_and_streams_work_as_with_other_workers(instance: Instance) -> None:
    environment = instance.environment()
    environment.launch(max_workers=2, persistent=True)
    assert list(range(1, 301)) == list(environment.map(FUNCTIONS, "add_one", range(300)))
    environment.detach()
    later = attached(instance)
    assert list(range(1, 301)) == list(later.map(FUNCTIONS, "add_one", range(300), chunksize=50))
    assert 2 == later.worker_count == len(pool_of(later).workers)
    assert {0, 1} == set(later.stacks())


@pytest.mark.compat
def test_they_outlive_their_program_under_every_python(instance: Instance, interpreter: Path, tmp_path: Path) -> None:
    environment = instance.environment(interpreter)
    environment.launch(persistent=True)
    task = begun(environment, tmp_path / "go")
    environment.detach()
    (tmp_path / "go").touch()
    later = instance.environment(interpreter)
    later._attach(DEADLINE)

    assert [task.id] == [past.id for past in later.pending_results()]
    assert 3 == later.execute(FUNCTIONS, "add", (1, 2))
