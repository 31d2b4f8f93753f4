"""Builds as tasks: what they tell, how they fail, and how they are stopped."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from fake_backend import contents, external
from wetlands._backends.api import Progress
from wetlands.exceptions import (
    EnvironmentReuseError,
    ExecutionException,
    InvalidDependencyError,
    InvalidNameError,
    ProvisioningError,
)
from wetlands.task import TaskEventType, TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    from fake_backend import FakeBackend
    from wetlands._spec import Dependencies
    from wetlands.environment_manager import EnvironmentManager
    from wetlands.task import TaskEvent

NUMPY: Dependencies = {"pip": ["numpy==2.2.4"]}
SCIPY: Dependencies = {"pip": ["scipy"]}


def hold(manager: EnvironmentManager, backend: FakeBackend) -> threading.Event:
    """Have builds stop half-way until they are asked to stop; return what is set when one is there."""
    building = threading.Event()

    def until_canceled(place: str) -> None:
        if place == "half built":
            (build,) = manager._workshop._watched
            building.set()
            assert build._canceled.wait(10)

    backend.sabotage = until_canceled
    return building


def test_the_result_of_a_build_is_the_environment(manager: EnvironmentManager, backend: FakeBackend) -> None:
    task = manager.create_async("tools", NUMPY)

    assert task.wait_for(10).status is TaskStatus.COMPLETED
    assert task.result is manager.create("tools", NUMPY)
    assert 1 == backend.builds
    assert "create:tools" == task.call_target


def test_nothing_happens_before_a_build_is_started(manager: EnvironmentManager, backend: FakeBackend) -> None:
    task = manager.create_async("tools", NUMPY, start=False)

    assert 0 == backend.builds
    task.cancel()
    assert task.status is TaskStatus.CANCELED
    assert task.start().wait_for(10).status is TaskStatus.CANCELED
    assert 0 == backend.builds


def test_listeners_hear_each_stage_and_what_it_counts(manager: EnvironmentManager, backend: FakeBackend) -> None:
    events: list[TaskEvent] = []

    def count(place: str) -> None:
        (build,) = manager._workshop._watched
        build.progress(Progress("download", 3, 4, "bytes"))

    backend.sabotage = count
    task = manager.create_async("tools", NUMPY, {"all": ["echo done"]}, start=False)
    manager._workshop._run_commands = lambda commands, prefix, observer: observer.stage("commands", "Running 1 command")
    task.listen(events.append)
    task.wait_for(10)

    assert TaskEventType.STARTED is events[0].type
    assert TaskEventType.COMPLETION is events[-1].type
    told = [(event.stage, event.current, event.maximum, event.unit) for event in events[1:-1]]
    assert [("create", None, None, None), ("download", 3, 4, "bytes"), ("commands", None, None, None)] == told
    assert "Running 1 command" == task.message
    assert "commands" == task.stage
    assert task.progress is None  # what another stage counted is no progress of this one


@pytest.mark.parametrize("name, recipe, error", [("../x", NUMPY, InvalidNameError), ("x", [], InvalidDependencyError)])
def test_what_cannot_be_understood_is_refused_at_once(
    manager: EnvironmentManager, name: str, recipe: Dependencies, error: type[Exception]
) -> None:
    with pytest.raises(error):
        manager.create_async(name, recipe)


def test_a_build_fails_with_the_error_of_create(manager: EnvironmentManager, backend: FakeBackend) -> None:
    wrong = ProvisioningError("there is no such package")

    def fail(place: str) -> None:
        raise wrong

    backend.sabotage = fail
    task = manager.create_async("tools", NUMPY).wait_for(10)

    assert task.exception is wrong
    assert task.future.exception() is wrong
    assert task.error is wrong.failure
    assert TaskFailureCategory.ENVIRONMENT is wrong.failure.category
    assert (task.id, "create:tools") == (wrong.failure.task_id, wrong.failure.call_target)
    assert "Environment: there is no such package" == str(task.error)
    assert [] == contents(manager._store)


def test_an_error_that_nobody_expected_is_told_with_its_traceback(
    manager: EnvironmentManager, backend: FakeBackend
) -> None:
    def fail(place: str) -> None:
        raise LookupError(place)

    backend.sabotage = fail
    task = manager.create_async("tools", NUMPY).wait_for(10)

    assert isinstance(task.exception, ExecutionException)
    assert TaskFailureCategory.INTERNAL_EXCEPTION is task.exception.failure.category
    assert "half built" in str(task.exception)
    assert "fake_backend.py" in str(task.traceback)
    assert [] == contents(manager._store)


def test_awaiting_a_build_gives_the_environment_or_raises(manager: EnvironmentManager) -> None:
    async def program() -> None:
        environment = await manager.create_async("tools", NUMPY)
        assert environment is manager.environments["tools"]
        with pytest.raises(EnvironmentReuseError, match="scipy"):
            await manager.create_async("tools", SCIPY)

    asyncio.run(program())


def test_several_builds_are_awaited_together(manager: EnvironmentManager, backend: FakeBackend) -> None:
    at_once = threading.Barrier(2, timeout=10)

    def meet(place: str) -> None:
        at_once.wait()

    backend.sabotage = meet

    async def program() -> list[str]:
        environments = await asyncio.gather(manager.create_async("one", NUMPY), manager.create_async("two", SCIPY))
        return [environment.name for environment in environments]

    assert ["one", "two"] == asyncio.run(program())


def test_cancelling_a_build_leaves_nothing(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = hold(manager, backend)
    task = manager.create_async("tools", NUMPY)
    assert building.wait(10)

    task.cancel()

    assert task.wait_for(10).status is TaskStatus.CANCELED
    with pytest.raises(CancelledError):
        task.future.result()
    assert [] == contents(manager._store)
    backend.sabotage = lambda place: None
    assert "tools" == manager.create("tools", NUMPY).name


def test_leaving_the_block_of_a_build_cancels_it(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = hold(manager, backend)

    with manager.create_async("tools", NUMPY) as task:
        assert building.wait(10)

    assert task.status is TaskStatus.CANCELED
    assert [] == contents(manager._store)


def test_an_await_that_is_cancelled_cancels_the_build(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = hold(manager, backend)

    async def program() -> None:
        task = manager.create_async("tools", NUMPY)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(task, 0.05)
        assert building.wait(10)
        assert task.wait_for(10).status is TaskStatus.CANCELED

    asyncio.run(program())
    assert [] == contents(manager._store)


def test_exit_cancels_builds_and_waits_for_their_end(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = hold(manager, backend)
    task = manager.create_async("tools", NUMPY)
    assert building.wait(10)

    manager.exit()

    assert task.status is TaskStatus.CANCELED
    assert [] == contents(manager._store)


def test_who_waits_for_another_build_tells_so_and_can_be_cancelled(
    manager: EnvironmentManager, backend: FakeBackend, records: list[logging.LogRecord]
) -> None:
    building, go_on, waiting = threading.Event(), threading.Event(), threading.Event()

    def hold(place: str) -> None:
        building.set()
        assert go_on.wait(10)

    def notice(event: TaskEvent) -> None:
        if event.stage == "waiting":
            waiting.set()

    backend.sabotage = hold
    first = manager.create_async("tools", NUMPY)
    assert building.wait(10)
    second = manager.create_async("tools", NUMPY, start=False)
    second.listen(notice)

    second.start()
    assert waiting.wait(10)
    message = str(second.message)
    second.cancel()

    assert second.wait_for(10).status is TaskStatus.CANCELED
    assert "another thread of this process" in message
    assert message in [record.getMessage() for record in records]
    go_on.set()
    assert first.wait_for(10).status is TaskStatus.COMPLETED


def test_what_a_build_is_doing_can_be_looked_at(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = hold(manager, backend)
    task = manager.create_async("tools", NUMPY)
    assert building.wait(10)

    stack = task.stack()

    task.cancel()
    task.wait_for(10)
    assert "until_canceled" in stack


def test_packages_are_added_and_environments_renewed_as_tasks(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", NUMPY))

    added = manager.install_async(environment, SCIPY).wait_for(10)
    assert ["+ scipy==1.0"] == added.result
    before = environment.generation
    renewed = manager.update_environment_async(environment).wait_for(10)
    assert environment is renewed.result
    assert before != environment.generation


def test_an_environment_changes_its_packages_as_tasks(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", NUMPY))

    added = environment.install_async(SCIPY).wait_for(10)
    before = environment.generation
    renewed = environment.update_async(SCIPY, start=False)
    assert before == environment.generation
    renewed.start().wait_for(10)

    assert ["+ scipy==1.0"] == added.result
    assert environment is renewed.result
    assert before != environment.generation
    assert environment is manager.create("tools", SCIPY)


def test_a_config_file_is_built_as_a_task(manager: EnvironmentManager, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("scipy\n")

    task = manager.create_from_config_async("tools", tmp_path / "requirements.txt").wait_for(10)

    assert "tools" == task.result.name
