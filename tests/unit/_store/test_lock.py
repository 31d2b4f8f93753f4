from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fake_backend import Watcher
from wetlands._store import lock
from wetlands._store.lock import builder_lock, program_name
from wetlands._store.paths import Layout
from wetlands.exceptions import ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE = 10.0


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_LOOK_SECONDS", 0.001)


class Holder:
    """A thread that holds the lock until it is told to let go."""

    def __init__(self, layout: Layout) -> None:
        self._holds = threading.Event()
        self.let_go = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(layout,))
        self._thread.start()
        assert self._holds.wait(DEADLINE)

    def _hold(self, layout: Layout) -> None:
        with builder_lock(layout, "tools", Watcher()):
            self._holds.set()
            self.let_go.wait(DEADLINE)

    def end(self) -> None:
        self.let_go.set()
        self._thread.join(DEADLINE)


@pytest.fixture
def holder(layout: Layout) -> Iterator[Holder]:
    made = Holder(layout)
    yield made
    made.end()


def test_a_free_lock_is_taken_in_silence(layout: Layout) -> None:
    watcher = Watcher()

    with builder_lock(layout, "tools", watcher):
        assert layout.holder("tools").is_file()

    assert watcher.stages == []
    assert not layout.holder("tools").exists()


def test_who_waits_says_at_once_for_whom_and_since_when(layout: Layout, holder: Holder) -> None:
    watcher = Watcher(on_stage=lambda stage, message: holder.let_go.set())

    with builder_lock(layout, "tools", watcher):
        pass

    ((stage, message),) = watcher.stages
    assert stage == "waiting"
    assert "another thread of this process" in message
    assert " since 20" in message


def test_who_waits_long_says_so_again_every_half_minute(layout: Layout, holder: Holder) -> None:
    now = iter([0.0, 29.0, 31.0, 59.0])
    watcher = Watcher()

    def clock() -> float:
        moment = next(now, 62.0)  # for as long as the holder takes to let go
        if moment == 62.0:
            holder.let_go.set()
        return moment

    with builder_lock(layout, "tools", watcher, clock=clock):
        assert next(now, None) is None
    assert [stage for stage, _ in watcher.stages] == ["waiting"] * 3


def test_waiting_can_be_cancelled(layout: Layout, holder: Holder) -> None:
    watcher = Watcher()
    watcher.canceled = True

    with (
        pytest.raises(ProvisioningCanceledError, match="another thread of this process"),
        builder_lock(layout, "tools", watcher),
    ):
        pass


def test_other_environments_are_not_held_up(layout: Layout, holder: Holder) -> None:
    watcher = Watcher()

    with builder_lock(layout, "other", watcher):
        pass

    assert watcher.stages == []


def test_a_thread_never_waits_for_itself(layout: Layout) -> None:
    with (
        builder_lock(layout, "tools", Watcher()),
        pytest.raises(ProvisioningError, match="wait for itself"),
        builder_lock(layout, "tools", Watcher()),
    ):
        pass


def test_the_lock_is_free_again_after_an_error(layout: Layout) -> None:
    with pytest.raises(KeyError), builder_lock(layout, "tools", Watcher()):
        raise KeyError

    watcher = Watcher()
    with builder_lock(layout, "tools", watcher):
        pass
    assert watcher.stages == []


def test_an_error_while_taking_the_lock_leaves_it_free(layout: Layout, holder: Holder) -> None:
    def fail(stage: str, message: str) -> None:
        raise RuntimeError(message)

    with pytest.raises(RuntimeError), builder_lock(layout, "tools", Watcher(on_stage=fail)):
        pass

    holder.end()
    watcher = Watcher()
    with builder_lock(layout, "tools", watcher):
        pass
    assert watcher.stages == []


@pytest.mark.parametrize(
    "argv, expected",
    [
        (["/opt/viewer/viewer.py", "--token=s3cret"], "viewer.py"),
        (["/lib/python3/site-packages/viewer/__main__.py"], "viewer"),
        (["-c"], "python3"),
        ([""], "python3"),
        ([], "python3"),
    ],
)
def test_a_program_is_named_without_its_arguments(argv: list[str], expected: str) -> None:
    assert expected == program_name(argv, "/usr/bin/python3")


@pytest.mark.parametrize("text", ["", "{}", '{"pid": "x", "since": 3}', "[]"])
def test_a_holder_that_has_not_said_who_it_is_is_waited_for_all_the_same(
    layout: Layout, holder: Holder, text: str
) -> None:
    layout.holder("tools").write_text(text)
    watcher = Watcher(on_stage=lambda stage, message: holder.let_go.set())

    with builder_lock(layout, "tools", watcher):
        pass

    assert "another process" in watcher.stages[0][1]


def test_only_one_thread_at_a_time_is_inside(layout: Layout) -> None:
    inside: list[int] = []
    most: list[int] = []

    def build() -> None:
        with builder_lock(layout, "tools", Watcher()):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)

    assert most == [1] * 8
