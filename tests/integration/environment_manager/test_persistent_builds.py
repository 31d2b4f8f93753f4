"""Persistent workers of environments that are replaced or deleted while no program has the workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from persistent import an_instance
from pools import DEADLINE, FUNCTIONS, eventually, is_running
from wetlands.exceptions import AttachError, EnvironmentInUseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows"),
]
NAME = "built"


@pytest.fixture
def instance() -> Iterator[Instance]:
    with an_instance() as made:
        yield made


def built(instance: Instance, python: str = ">=3.8", *, replace: bool = False) -> ExternalEnvironment:
    """The environment, as one more program makes or finds it."""
    return instance.manager().create(NAME, {"python": python}, replace_existing=replace)  # type: ignore[return-value]  # it is one


def left_with_a_result(instance: Instance, tmp_path: Path) -> str:
    """Workers that have kept a result, so that they stay until it is fetched; the id of its task."""
    environment = built(instance)
    environment.launch(persistent=True)
    task = environment.submit(FUNCTIONS, "begins_until_path", (str(tmp_path / "go"), "done"))
    eventually(lambda: task.message, "it runs")
    environment.detach()
    (tmp_path / "go").touch()
    return task.id


def test_a_program_that_was_restarted_finds_its_workers_by_name(instance: Instance) -> None:
    first = built(instance)
    first.launch(persistent=True)
    pid = first.execute("os", "getpid")
    first.environment_manager.detach()
    manager = instance.manager()

    environment = manager.attach(NAME)

    assert pid == environment.execute("os", "getpid")
    assert environment is manager.environments[NAME]


def test_idle_workers_notice_that_their_environment_was_replaced_and_end(instance: Instance) -> None:
    environment = built(instance)
    environment.launch(persistent=True)
    environment.detach()
    keeper = instance.note.process.pid

    built(instance, ">=3.7", replace=True)

    eventually(lambda: not is_running(keeper), "they end")
    assert "end: their environment was replaced or deleted" in instance.log


def test_workers_of_an_earlier_build_are_not_attached_to_but_their_results_are_taken_over(
    instance: Instance, tmp_path: Path
) -> None:
    task_id = left_with_a_result(instance, tmp_path)
    before = instance.note
    environment = built(instance, ">=3.7", replace=True)
    with pytest.raises(AttachError, match=r"they run an earlier build of it .*launch_or_attach"):
        environment.environment_manager.attach(NAME, attach_timeout=0.5)
    assert before == instance.note

    again = environment.environment_manager.launch_or_attach(environment, attach_timeout=DEADLINE)

    assert environment.generation == instance.note.generation != before.generation
    assert [(task_id, "done")] == [(task.id, task.result) for task in again.pending_results()]
    assert not is_running(before.process.pid)


def test_an_environment_is_not_deleted_while_workers_without_a_program_use_it(
    instance: Instance, tmp_path: Path
) -> None:
    left_with_a_result(instance, tmp_path)
    environment = built(instance)

    with pytest.raises(EnvironmentInUseError, match=f"process {instance.note.process.pid}"):
        environment.environment_manager.delete_environment(environment)

    environment.environment_manager.attach(NAME, attach_timeout=DEADLINE).exit()
    environment.environment_manager.delete_environment(environment)
