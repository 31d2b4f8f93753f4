"""Answers that persistent workers have kept for whoever attaches next, as tasks that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._launch.persistent import PersistentProcess
from wetlands._modules.naming import named
from wetlands._plain.decoding import decode_plain
from wetlands._plain.fields import counts, fields
from wetlands._pool.call import TaskCall, Work
from wetlands.task import Task
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wetlands._pool.worker import Worker
    from wetlands_worker.arrivals import Frame

__all__ = ["past_tasks"]

_LENGTH = 4


def past_tasks(workers: Iterable[Worker]) -> list[Task[object]]:
    """Return the tasks whose answers workers have given us, each with its own id, and its result, or its failure."""
    return [
        task
        for worker in workers
        if isinstance(worker.process, PersistentProcess)
        for task in _of(worker.process, worker)
    ]


def _of(process: PersistentProcess, worker: Worker) -> list[Task[object]]:
    frames, process.undelivered = process.undelivered, []
    tasks: list[Task[object]] = []
    reports: list[Frame] = []
    for frame in frames:
        if frame[0] != messages.UNDELIVERED:
            reports.append(frame)
            continue
        tasks.append(_task(frame, reports, worker))
        reports = []
    return tasks


def _task(frame: Frame, reports: Sequence[Frame], worker: Worker) -> Task[object]:
    _, _, whole, buffers = frame
    end = _LENGTH + int.from_bytes(whole[:_LENGTH], "little")
    told = fields(decode_plain(whole[_LENGTH:end], ()), 5)  # see wetlands_worker.persistent
    task_id, head, call_kind, kind, progress = told[:5]
    target, function = messages.unpack_target(head)
    _, label = named(target, function)
    task: Task[object] = Task(lambda _: _Past(), label)
    task.id = task_id
    task._started = True  # noqa: SLF001 - its driver
    task._set_running()  # noqa: SLF001 - see above
    call = _PastCall(Work(call_kind, head, label, ((), {})), task, task_id)
    call.worker, call.decode = worker.info, worker.decode
    for reported, _, body, parts in reports:
        call.report(reported, body, parts)
    task._set_progress(*counts(progress))  # noqa: SLF001 - see above
    call.settle(kind, whole[end:], buffers)
    return task


class _PastCall(TaskCall[object]):
    """A call that another program has made."""

    __slots__ = ("_past_id",)

    def __init__(self, work: Work, task: Task[object], task_id: str) -> None:
        super().__init__(work, task)
        self._past_id = task_id

    @property
    def task_id(self) -> str:
        """The id that its own program gave it."""
        return self._past_id


class _Past:
    """What drives a task that has ended: nothing does."""

    def start(self) -> None:
        """It was started."""

    def cancel(self, force_after: float | None) -> None:
        """It has ended."""

    def stack(self) -> str:
        """It has none."""
        return "No stack: it has ended."
