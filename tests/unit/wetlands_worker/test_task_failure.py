"""What is told of a call that failed, as fields for programs and as one line for people."""

from __future__ import annotations

import dataclasses
import pickle
import signal
from typing import Any

import pytest

from wetlands_worker.failures import TaskFailure, TaskFailureCategory, WorkerInfo, describe

WORKER = WorkerInfo(environment="cellpose", index=0, pid=123)


def test_a_failure_is_frozen_and_needs_only_its_category() -> None:
    failure = TaskFailure(category=TaskFailureCategory.UNKNOWN)

    with pytest.raises(dataclasses.FrozenInstanceError):
        failure.message = "x"  # type: ignore[misc]
    assert (None, None, (), None, None) == (
        failure.task_id, failure.traceback, failure.traceback_frames, failure.worker, failure.exit_code,
    )  # fmt: skip
    assert failure == pickle.loads(pickle.dumps(failure))


def test_categories_equal_their_words_and_are_spelt_either_way() -> None:
    words = (
        "remote_exception internal_exception serialization worker_connection worker_died timeout environment unknown"
    )

    assert words.split() == [category.value for category in TaskFailureCategory]
    for word in words.split():
        assert word == TaskFailureCategory(word)
        assert TaskFailureCategory[word] is TaskFailureCategory[word.upper()]
        assert word == str(TaskFailureCategory(word))


REMOTE = describe(ValueError("bad input"))


def remote(message: str = "bad input", call_target: str | None = None) -> TaskFailure:
    return TaskFailure(TaskFailureCategory.REMOTE_EXCEPTION, message, call_target=call_target, remote_exception=REMOTE)


def died(message: str = "", **fields: Any) -> TaskFailure:  # noqa: ANN401 - of several types
    return TaskFailure(TaskFailureCategory.WORKER_DIED, message, worker=WORKER, **fields)


def stuck(message: str, context: str) -> TaskFailure:
    category = TaskFailureCategory.SERIALIZATION
    return TaskFailure(category, message, call_target="m:f", serialization_context=context)


LINES = [
    (remote(call_target="my_module:f"), "Remote ValueError from my_module: bad input"),
    (remote("", call_target="/a b/my_module.py:f"), "Remote ValueError from my_module: bad input"),
    (remote("x\n  y", call_target="C:\\a\\my.py"), "Remote ValueError from my: x y"),
    (remote(call_target="pkg.sub.mod:A.f"), "Remote ValueError from pkg.sub.mod: bad input"),
    (remote(), "Remote ValueError: bad input"),
    (died(signal=signal.SIGTERM.value), "Worker 0 pid 123 died with signal 15 (SIGTERM)"),
    (died(signal=999), "Worker 0 pid 123 died with signal 999"),
    (died("out of memory", exit_code=3), "Worker 0 pid 123 died with exit code 3: out of memory"),
    (died("Worker 0 pid 123 died while idle"), "Worker 0 pid 123 died while idle"),
    (TaskFailure(TaskFailureCategory.WORKER_DIED), "A worker died"),
    (
        TaskFailure(TaskFailureCategory.TIMEOUT, "no sign of life", call_target="m:f", timeout=2.5),
        "m:f timed out after 2.5 s: no sign of life",
    ),
    (stuck("args[0] (of type T) cannot be sent: no", "args[0]"), "args[0] (of type T) cannot be sent: no"),
    (stuck("no", "result"), "The result of m:f cannot cross: no"),
    (TaskFailure(TaskFailureCategory.WORKER_CONNECTION, "it is gone"), "Worker connection: it is gone"),
    (TaskFailure(TaskFailureCategory.UNKNOWN), "Unknown"),
]


@pytest.mark.parametrize("failure, line", LINES, ids=[line for _, line in LINES])
def test_a_failure_is_one_line_for_people(failure: TaskFailure, line: str) -> None:
    assert line == str(failure)


def test_a_line_is_not_longer_than_a_thousand_characters() -> None:
    line = str(TaskFailure(TaskFailureCategory.UNKNOWN, "x " * 10_000))

    assert 1000 == len(line)
    assert line.endswith("...")
