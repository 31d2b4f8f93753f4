"""One program at a time has the persistent workers of an environment, and there is one set of them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistent import NAME, a_program, attached, begun, said_pids
from pools import DEADLINE, FUNCTIONS, eventually, in_thread, pids
from wetlands.exceptions import AttachError, EnvironmentNotFoundError, LaunchError

if TYPE_CHECKING:
    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")


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


@pytest.mark.parametrize("there", [True, False])
def test_programs_that_launch_or_attach_at_the_same_time_share_one_set_of_workers(
    instance: Instance, *, there: bool
) -> None:
    if there:
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
    assert f"`wetlands -wip '{instance.root}' kill -n {NAME}`, or `kill {note.process.pid}`" in said
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
    with pytest.raises(ValueError, match="keep_results"):
        environment.launch(persistent=True, keep_results=None)  # type: ignore[arg-type]  # that is the test
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


def test_a_program_that_waits_for_workers_whose_holder_ends_them_launches_new_ones(
    instance: Instance, environment: ExternalEnvironment
) -> None:
    before = said_pids(instance.note)
    waiting = instance.environment()
    finish = in_thread(lambda: waiting.environment_manager.launch_or_attach(waiting, attach_timeout=DEADLINE))
    time.sleep(0.3)  # it waits meanwhile, of which nothing tells
    environment.exit()
    finish()

    assert 3 == waiting.execute(FUNCTIONS, "add", (1, 2))
    assert before != said_pids(instance.note)


def test_programs_that_give_up_leave_nothing_in_a_busy_worker(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    task = begun(environment, tmp_path / "go")
    environment.detach()
    held = Path(f"/proc/{said_pids(instance.note)[0]}/fd")
    for _ in range(2):
        with pytest.raises(AttachError):
            attached(instance, 0.1)
    before = len(list(held.iterdir()))
    for _ in range(5):
        with pytest.raises(AttachError):
            attached(instance, 0.1)

    assert before == len(list(held.iterdir()))
    (tmp_path / "go").touch()
    assert [task.id] == [past.id for past in attached(instance).pending_results()]
