"""Builds in the thread of the caller, or as tasks with a thread each."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from wetlands._launch.services import LaunchServices
from wetlands._tasks.events import Progress
from wetlands._tasks.future import wait_done
from wetlands.exceptions import ProvisioningCanceledError, WetlandsError
from wetlands.logger import logger
from wetlands.task import Task, TaskFailure, TaskFailureCategory
from wetlands_worker.failures import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._store.progress import BuildState, LoggedBuild

__all__ = ["Building", "Deed", "cancel_all"]

T = TypeVar("T")


@dataclass(frozen=True)
class Deed(Generic[T]):
    """What changes one environment, checked as far as that is possible without doing it.

    Attributes:
        stage: What the log calls it.
        name: The environment.
        do: Does it.
    """

    stage: Literal["create", "install"]
    name: str
    do: Callable[[LoggedBuild], T]


class Building(LaunchServices):
    """The part of a manager that does deeds."""

    _builds: set[Task[object]]

    def _do(self, deed: Deed[T]) -> T:
        """Do it here and now."""
        self._open_logs()
        return deed.do(self._workshop.new_build(deed.name, deed.stage))

    def _do_as_task(self, deed: Deed[T], *, start: bool) -> Task[T]:
        """Do it in a thread of its own."""
        self._open_logs()
        build = self._workshop.new_build(deed.name, deed.stage)
        task = Task[T](lambda task: _BuildDriver(task, deed, build, self._builds), f"{deed.stage}:{deed.name}")
        return task.start() if start else task


def cancel_all(builds: set[Task[object]], timeout: float) -> bool:
    """Ask builds to stop and wait for the end of each; whether all have ended in time."""
    deadline = time.monotonic() + timeout
    under_way = builds.copy()
    for task in under_way:
        task.cancel()
    return all(wait_done(task.future, max(0.0, deadline - time.monotonic())) for task in under_way)


class _BuildDriver(Generic[T]):
    """What runs a build on a thread of its own: the driver of its task.

    Args:
        task: The task.
        deed: What it does.
        build: What watches it.
        running: The tasks that are under way; this one is among them from its start to its end.
    """

    def __init__(self, task: Task[T], deed: Deed[T], build: LoggedBuild, running: set[Task[object]]) -> None:
        self._task = task
        self._deed = deed
        self._build = build
        self._running = running
        # A daemon: the end of the program cancels what is under way, and does not wait until it is built.
        self._thread = threading.Thread(target=self._run, name=f"wetlands-build-{deed.name}", daemon=True)
        build.watch(self._show)

    def start(self) -> None:
        """Begin it."""
        self._running.add(self._task)  # type: ignore[arg-type]  # Task[object]
        self._thread.start()

    def cancel(self, force_after: float | None) -> None:  # noqa: ARG002 - a build is stopped by force in any case
        """Stop it: tools are killed, files are removed."""
        self._build.cancel()
        self._task._drop()  # noqa: SLF001 - the driver of the task

    def stack(self) -> str:
        """What its thread is doing."""
        from wetlands._pool.stacks import named_stacks  # noqa: PLC0415 - most programs never ask
        from wetlands_worker.stacks import stacks  # noqa: PLC0415 - see above

        return str(named_stacks(stacks(self._thread.ident or 0, 0))[0])

    def _show(self, state: BuildState) -> None:
        self._task._show(Progress(state.message, state.current, state.maximum, state.stage, state.unit))  # noqa: SLF001

    def _run(self) -> None:
        task = self._task
        try:
            if task._set_running():  # noqa: SLF001 - the driver of the task
                self._settle()
        finally:
            self._running.discard(task)

    def _settle(self) -> None:
        task = self._task
        try:
            result = self._deed.do(self._build)
        except ProvisioningCanceledError as error:
            logger.log_global(logging.INFO, "%s", error)
            task._settle_canceled()  # noqa: SLF001 - the driver of the task
        except WetlandsError as error:
            task._fail_with(error)  # noqa: SLF001 - the driver of the task
        except BaseException as error:  # noqa: BLE001 - nobody else would hear of it
            task._fail(_unexpected(error, task))  # noqa: SLF001 - the driver of the task
        else:
            task._complete(result)  # noqa: SLF001 - the driver of the task


def _unexpected(error: BaseException, task: Task[T]) -> TaskFailure:
    info = describe(error)
    return TaskFailure(
        TaskFailureCategory.INTERNAL_EXCEPTION,
        f"{info.type_name}: {info.message}",
        task.id,
        task.call_target,
        info.traceback,
        remote_exception=info,
    )
