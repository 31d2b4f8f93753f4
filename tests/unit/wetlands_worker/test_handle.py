"""The handle of a running task: what it passes on, what it merges, what it refuses, and what comes too late."""

from __future__ import annotations

import pytest

from wetlands_worker import RemoteTaskHandle, current_task
from wetlands_worker import handle as module
from wetlands_worker.handle import provide


class Recorder:
    """Takes reports, or has no room for progress while `full`."""

    def __init__(self) -> None:
        self.reports: list[tuple[object, ...]] = []
        self.waiting: list[RemoteTaskHandle] = []
        self.full = False

    def progress(self, number: int, message: str | None, current: float | None, maximum: float | None) -> bool:
        if self.full:
            return False
        self.reports.append(("progress", number, message, current, maximum))
        return True

    def progress_later(self, handle: RemoteTaskHandle) -> None:
        self.waiting.append(handle)

    def output(self, number: int, key: str, value: object) -> None:
        self.reports.append(("output", number, key, value))

    def log(self, number: int, level: int, message: str) -> None:
        self.reports.append(("log", number, level, message))

    def late(self, what: str) -> None:
        self.reports.append(("late", what))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def handle(recorder: Recorder) -> RemoteTaskHandle:
    return RemoteTaskHandle(7, recorder)


class Scalar:
    """As numpy's scalars: no number, with an `item` that is one."""

    def __init__(self, value: object) -> None:
        self._value = value

    def item(self) -> object:
        return self._value


def test_reports_are_passed_on_with_the_number_of_the_task(handle: RemoteTaskHandle, recorder: Recorder) -> None:
    handle.update("working", current=1, maximum=2.5)
    handle.set_output("key", [1])
    handle.log("said", 30)
    handle.log("said")

    expected = [
        ("progress", 7, "working", 1, 2.5),
        ("output", 7, "key", [1]),
        ("log", 7, 30, "said"),
        ("log", 7, 20, "said"),
    ]
    assert expected == recorder.reports


@pytest.mark.parametrize(
    "given, expected", [(True, 1), (Scalar(3), 3), (Scalar(0.5), 0.5), (None, None), (10**30, 10**30)]
)
def test_every_kind_of_number_becomes_a_plain_one(
    handle: RemoteTaskHandle, recorder: Recorder, given: object, expected: object
) -> None:
    handle.update(current=given)  # type: ignore[arg-type]  # which is the point

    (report,) = recorder.reports
    assert (expected, type(expected)) == (report[3], type(report[3]))


@pytest.mark.parametrize("given", ["3", [1], Scalar("text"), object()])
def test_what_is_no_number_is_refused_by_name(handle: RemoteTaskHandle, given: object) -> None:
    with pytest.raises(TypeError, match="maximum is a number"):
        handle.update(maximum=given)  # type: ignore[arg-type]  # which is the point


def test_the_key_of_an_output_is_text(handle: RemoteTaskHandle) -> None:
    with pytest.raises(TypeError, match="int"):
        handle.set_output(1, "value")  # type: ignore[arg-type]  # which is the point


def test_progress_without_room_is_merged_and_the_newest_is_kept(handle: RemoteTaskHandle, recorder: Recorder) -> None:
    recorder.full = True
    handle.update("one", current=1, maximum=10)
    handle.update(current=2)
    handle.update("three")

    assert ([], [handle]) == (recorder.reports, recorder.waiting), "one thread for any number of updates"
    assert ("three", 2, 10) == handle._take_pending()
    assert handle._take_pending() is None
    recorder.full = False
    handle.update("four")
    assert [("progress", 7, "four", None, None)] == recorder.reports


def test_what_comes_after_the_end_is_late_and_changes_nothing(handle: RemoteTaskHandle, recorder: Recorder) -> None:
    assert not handle._finish()
    handle.update("late")
    handle.set_output("late", 1)
    handle.log("late")
    handle.cancel()

    assert [("late", name) for name in ("update", "set_output", "log", "cancel")] == recorder.reports
    assert not handle.cancel_requested
    assert not handle._finish()


def test_a_task_that_declares_itself_canceled_ends_so(handle: RemoteTaskHandle) -> None:
    handle.cancel()

    assert handle.cancel_requested
    assert handle._finish()


def test_the_current_task_is_what_the_process_says(handle: RemoteTaskHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_provider", lambda: None)
    assert current_task() is None
    provide(lambda: handle)

    assert current_task() is handle
