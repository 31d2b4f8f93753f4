"""A program with workers answers others of the same user; and disappears from their view with its workers."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from houses import short_folder
from pools import DEADLINE, FUNCTIONS, eventually, is_running
from wetlands._store.keys import auth_key
from wetlands._store.parties import known_parties, programs_folder
from wetlands.environment_manager import EnvironmentManager
from wetlands.task import TaskStatus
from wetlands_worker.doors import reach
from wetlands_worker.looking import RefusedError, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands._store.parties import Party
    from wetlands.environment import Environment

PREFIX = Path(sys.executable).parents[1]


@pytest.fixture
def root() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder / "instance"


@contextmanager
def launched(root: Path, workers: int = 2) -> Iterator[tuple[EnvironmentManager, Environment]]:
    with EnvironmentManager(root, log_file_path=None) as manager:
        environment = manager.load("seen", PREFIX)
        environment.launch(max_workers=workers)
        yield manager, environment


def the_party(root: Path) -> Party:
    eventually(lambda: known_parties(root), "the program can be seen")
    (party,) = known_parties(root)
    return party


def question(root: Path, **question: object) -> dict[str, Any]:
    return ask(the_party(root).address, auth_key(root)[1], question, DEADLINE)


def left_behind(root: Path) -> list[str]:
    return sorted(path.name for path in programs_folder(root).glob("*"))


def test_the_note_says_who_it_is_and_which_processes_are_workers(root: Path) -> None:
    with launched(root) as (_, environment):
        party = the_party(root)
        pids = {environment.execute(FUNCTIONS, "pid") for _ in range(20)}

        assert os.getpid() == party.process.pid
        assert pids <= {worker.process.pid for worker in party.workers}
        assert [("seen", 0), ("seen", 1)] == [(worker.environment, worker.index) for worker in party.workers]
        assert {0o700} == {stat.S_IMODE(folder.stat().st_mode) for folder in (root / "state", programs_folder(root))}
    assert [] == left_behind(root)


def test_what_each_worker_runs_is_seen_with_its_progress(root: Path) -> None:
    with launched(root) as (_, environment):
        before = time.time()
        task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 60})
        eventually(lambda: task.message == "begun", "it has begun")
        queued = [environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 60}) for _ in range(4)]
        (seen,) = question(root, ask="workers")["environments"]

        assert ("seen", 3, 0) == (seen["environment"], seen["queued"], seen["starting"])
        workers = {worker["task"]: worker for worker in seen["workers"]}
        mine = workers[task.id]
        assert ("busy", "pool_functions:sleeps", "begun") == (mine["state"], mine["target"], mine["message"])
        assert before - 1 < mine["since"] < time.time() + 1
        assert is_running(mine["pid"])
        assert len(queued) == 4


def test_idle_workers_are_seen_as_such(root: Path) -> None:
    with launched(root, 1):
        (seen,) = question(root, ask="workers")["environments"]
        assert [("idle", 0)] == [(worker["state"], worker["index"]) for worker in seen["workers"]]


def test_stacks_of_all_workers_or_of_one(root: Path) -> None:
    with launched(root) as (_, environment):
        task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 60})
        eventually(lambda: task.message == "begun", "it has begun")
        stacks = question(root, ask="stacks", environment="seen")["stacks"]

        assert ["0", "1"] == sorted(stacks)
        assert 1 == sum("in sleeps" in text for text in stacks.values())
        assert ["1"] == list(question(root, ask="stacks", environment="seen", worker=1)["stacks"])


def test_any_running_worker_listens_for_a_debugger_when_it_is_asked_to(root: Path) -> None:
    with launched(root, 1):
        (endpoint,) = question(root, ask="debug", environment="seen")["endpoints"]
        assert ("seen", 0) == (endpoint["environment"], endpoint["worker"])
        socket.create_connection((endpoint["host"], endpoint["port"]), DEADLINE).close()


def test_killed_workers_end_in_good_order_and_running_calls_fail(root: Path) -> None:
    with launched(root) as (_, environment):
        task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 60})
        eventually(lambda: task.message == "begun", "it has begun")
        pids = sorted(worker.process.pid for worker in the_party(root).workers)
        killed = question(root, ask="kill", environment="seen")["killed"]

        assert pids == sorted(killed)
        assert not any(map(is_running, pids))
        assert TaskStatus.FAILED is task.wait_for(DEADLINE).status
        assert not environment.launched()
        eventually(lambda: not left_behind(root), "a program without workers is not seen")
        environment.launch()
        assert [("idle", 0)] == [
            (worker["state"], worker["index"]) for worker in question(root, ask="workers")["environments"][0]["workers"]
        ]


def test_an_unknown_question_or_environment_is_refused(root: Path) -> None:
    with launched(root, 1):
        with pytest.raises(RefusedError, match="does not know"):
            question(root, ask="tea")
        for wish in ("stacks", "kill", "debug"):
            with pytest.raises(RefusedError, match="'other' has no workers"):
                question(root, ask=wish, environment="other")


def test_a_replacement_is_written_down(root: Path) -> None:
    with launched(root, 1) as (_, environment):
        (first,) = the_party(root).workers
        os.kill(first.process.pid, signal.SIGKILL)

        eventually(lambda: the_party(root).workers and the_party(root).workers[0] != first, "it is written down")
        assert environment.execute(FUNCTIONS, "pid") == the_party(root).workers[0].process.pid


def test_a_forked_child_neither_answers_nor_removes_anything(root: Path) -> None:
    with launched(root, 1) as (manager, _):
        party = the_party(root)
        child = os.fork()
        if not child:
            manager._door.close()
            manager._door.begin()
            os._exit(int(threading.active_count() > 1))
        assert (child, 0) == os.waitpid(child, 0)

        assert party == the_party(root)
        question(root, ask="workers")


def test_who_is_being_answered_is_let_go_of_at_the_end(root: Path) -> None:
    with launched(root, 1):
        sock = reach(the_party(root).address, auth_key(root)[1], b"look", DEADLINE)
    with sock:
        assert b"" == sock.recv(1)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wetlands-door")]


def test_another_purpose_is_not_answered(root: Path) -> None:
    with launched(root, 1), reach(the_party(root).address, auth_key(root)[1], b"other", DEADLINE) as sock:
        assert b"" == sock.recv(1)


def test_a_program_that_ends_at_once_leaves_nothing(root: Path) -> None:
    with launched(root, 1):
        pass

    assert [] == left_behind(root)


def test_where_there_can_be_no_door_workers_work_all_the_same(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, _ = auth_key(root)
    path.chmod(0o644)
    caplog.set_level("INFO", "wetlands")
    with launched(root, 1) as (_, environment):
        eventually(lambda: "Other users may read the key" in caplog.text, "the log says why")
        assert os.getpid() != environment.execute(FUNCTIONS, "pid")


def test_what_a_killed_program_has_left_is_swept_by_the_next_look(root: Path) -> None:
    program = (
        "import sys, time\n"
        "from wetlands.environment_manager import EnvironmentManager\n"
        "manager = EnvironmentManager(sys.argv[1], log_file_path=None)\n"
        "manager.load('seen', sys.argv[2]).launch()\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(root), str(PREFIX)]
    with subprocess.Popen(command) as process:
        try:
            party = the_party(root)
            assert process.pid == party.process.pid
            assert ["-c"] != [party.program]
        finally:
            process.kill()
    eventually(lambda: not known_parties(root), "its workers end too")

    assert [] == left_behind(root)
