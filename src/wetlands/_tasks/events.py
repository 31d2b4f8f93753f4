"""The states of a task, which may follow which, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from wetlands.task import Task

__all__ = [
    "MOVES",
    "TERMINAL_EVENTS",
    "CancelStep",
    "Listener",
    "Number",
    "Progress",
    "TaskEvent",
    "TaskEventType",
    "TaskStatus",
    "event_of",
]

Number = int | float

CancelStep = Literal["asked", "interrupted", "killed"]
"""How far a cancellation by force has come: the function was asked, got a KeyboardInterrupt, lost its process."""


class TaskStatus(Enum):
    """Where a task is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    __hash__ = object.__hash__  # each member exists once; Enum hashes its name, in Python, several times for each call

    def is_finished(self) -> bool:
        """Whether the task has ended, in whatever way."""
        return self in TERMINAL_EVENTS


class TaskEventType(Enum):
    """What happened to a task."""

    STARTED = "started"
    UPDATE = "update"
    COMPLETION = "completion"
    FAILURE = "failure"
    CANCELATION = "cancelation"

    __hash__ = object.__hash__  # see above


TERMINAL_EVENTS = {
    TaskStatus.COMPLETED: TaskEventType.COMPLETION,
    TaskStatus.FAILED: TaskEventType.FAILURE,
    TaskStatus.CANCELED: TaskEventType.CANCELATION,
}
MOVES = {
    TaskStatus.PENDING: {TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELED},
    TaskStatus.RUNNING: {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED},
}


@dataclass(frozen=True)
class TaskEvent:
    """Something that happened to a task, with its progress at that moment.

    While a listener is called, ``event.task`` shows the progress of the event too, however far the task has come since.

    Attributes:
        task: The task.
        type: What happened.
        message: The last message of the task at that moment.
        current: How much was done.
        maximum: How much there was to do.
        cancel_step: How far a cancellation by force (``task.cancel(force_after=...)``) had come, or None.
        stage: The part of a build that was under way, see `Task.stage`; None for calls.
        unit: What the counts of a build count, ``"bytes"`` or ``"packages"``; None for calls.
    """

    task: Task[object]
    type: TaskEventType
    message: str | None = field(default=None, compare=False)
    current: Number | None = field(default=None, compare=False)
    maximum: Number | None = field(default=None, compare=False)
    cancel_step: CancelStep | None = field(default=None, compare=False)
    stage: str | None = field(default=None, compare=False)
    unit: str | None = field(default=None, compare=False)


Listener = Callable[[TaskEvent], object]


class Progress(NamedTuple):
    """How far a task has come, by its own word."""

    message: str | None = None
    current: Number | None = None
    maximum: Number | None = None
    stage: str | None = None
    unit: str | None = None

    def merged(self, message: str | None, current: Number | None, maximum: Number | None) -> Progress:
        """The newer word; None leaves what was said before."""
        return Progress(
            self.message if message is None else message,
            self.current if current is None else current,
            self.maximum if maximum is None else maximum,
            self.stage,
            self.unit,
        )


def event_of(task: Task[object], kind: TaskEventType, now: Progress, cancel_step: CancelStep | None) -> TaskEvent:
    """Make an event. A task may tell of a hundred thousand updates in a second, so its fields are set in one go."""
    event = object.__new__(TaskEvent)
    fields = event.__dict__
    fields["task"] = task
    fields["type"] = kind
    fields["cancel_step"] = cancel_step
    fields["message"], fields["current"], fields["maximum"], fields["stage"], fields["unit"] = now
    return event
