"""How persistent workers end, or their keeper, and what they hold and write until then."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistent import NAME, attached, begun, said_pids
from pools import DEADLINE, FUNCTIONS, eventually, is_running, pids, pool_of
from wetlands.exceptions import AttachError, ExecutionException, LaunchError
from wetlands.task import TaskFailureCategory, TaskStatus
from wetlands_worker.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")


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
    environment.detach()
    (path,) = (instance.root / "state" / "keepers").glob("*.json")
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


def test_a_keeper_that_is_told_to_end_takes_all_workers_along_even_one_that_holds_the_lock_of_python(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    task = environment.submit(FUNCTIONS, "counts")
    eventually(lambda: task.message, "it computes in C")
    note = instance.note
    environment.detach()

    os.kill(note.process.pid, signal.SIGTERM)

    eventually(lambda: not any(map(is_running, (note.process.pid, *said_pids(note)))), "all of them end")
    assert instance.is_empty()


def test_strangers_at_the_door_of_a_keeper_get_nowhere_and_disturb_nobody(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    path = instance.note.address.partition(":")[2]
    bomb = pickle.dumps(Bomb(str(tmp_path / "unpickled")))
    strangers = []
    for junk in (b"", b"x", os.urandom(1000), bomb, b"\x50\0\0\0" * 100, b"GET / HTTP/1.1\r\n\r\n"):
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(path)
        stranger.sendall(junk)
        strangers.append(stranger)
    assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
    environment.detach()

    assert 3 == attached(instance).execute(FUNCTIONS, "add", (1, 2))

    for stranger in strangers:
        stranger.close()
    assert not (tmp_path / "unpickled").exists()


class Bomb:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.path, "w")


def test_a_worker_that_dies_before_it_was_ready_fails_its_launch_at_once(instance: Instance) -> None:
    environment = instance.environment()
    began = time.monotonic()
    with pytest.raises(LaunchError, match="before it was ready") as caught:
        environment.launch(persistent=True, worker_env=lambda _: {"PYTHONHOME": "/nowhere"})

    assert 10 > time.monotonic() - began
    assert any("encodings" in line for line in caught.value.output)
    eventually(instance.is_empty, "nothing is left")


def test_a_note_that_somebody_has_removed_is_written_again(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    (path,) = (instance.root / "state" / "keepers").glob("*.json")
    path.unlink()

    eventually(path.exists, "the keeper notices")
    environment.detach()
    assert 3 == attached(instance).execute(FUNCTIONS, "add", (1, 2))
