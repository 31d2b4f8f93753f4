"""Workers that are prepared, replaced when they are worn, and as many as are needed."""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pools import eventually, is_running, pids, pool_of, unlaunched
from wetlands._platform.child import memory_unit
from wetlands._platform.shortage import Memory
from wetlands.exceptions import ExecutionException, LaunchError, NotLaunchedError
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = Path(__file__).parent.parent / "state_functions.py"


def test_every_worker_and_every_replacement_is_prepared_before_its_first_call() -> None:
    with unlaunched() as environment:
        environment.launch(max_workers=2, initializer=(STATE, "prepare", ("model", 3)))
        before = dict(cast("Iterator[tuple[int, list[object]]]", environment.map(STATE, "prepared_of", range(20))))
        for pid in pids(environment):
            os.kill(pid, signal.SIGKILL)
        after = dict(cast("Iterator[tuple[int, list[object]]]", environment.map(STATE, "prepared_of", range(20))))

        assert [["model", 3]] * len(before) == list(before.values())
        assert [["model", 3]] * len(after) == list(after.values())
        assert set(before).isdisjoint(after)


def test_an_initializer_that_raises_fails_the_launch_with_its_traceback_and_leaves_no_worker(tmp_path: Path) -> None:
    started = tmp_path / "started"
    with unlaunched() as environment:
        with pytest.raises(LaunchError, match=r"the initializer failed in worker .*ValueError.*no weights") as caught:
            environment.launch(
                max_workers=2, initializer=(STATE, "fail_if", (tmp_path, started)), worker_env=lambda _: {}
            )

        error = caught.value
        assert error.failure is not None
        assert error.failure.remote_exception is not None
        assert "ValueError" == error.failure.remote_exception.type_name
        assert isinstance(error.__cause__, ExecutionException)
        assert not environment.launched()
        assert not any(is_running(int(line)) for line in started.read_text().split())


def test_a_worker_that_dies_in_its_initializer_fails_the_launch_with_the_reason() -> None:
    with (
        unlaunched() as environment,
        pytest.raises(LaunchError, match="worker 0 died with exit code 3 in its initializer, state_functions:leave"),
    ):
        environment.launch(initializer=(STATE, "leave", (3,)))


def test_replacements_whose_initializer_fails_end_in_a_pool_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wetlands._pool.scheduler._FIRST_DELAY", 0.01)
    broken = tmp_path / "broken"
    with unlaunched() as environment:
        environment.launch(initializer=(STATE, "fail_if", (broken, tmp_path / "started")))
        broken.touch()
        (pid,) = pids(environment)
        os.kill(pid, signal.SIGKILL)

        eventually(lambda: pool_of(environment).broken, "the pool gives up")
        with pytest.raises(NotLaunchedError, match="no weights"):
            environment.execute(STATE, "pid")


def test_a_worker_is_replaced_after_so_many_tasks_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with unlaunched() as environment:
        environment.launch(max_tasks_per_worker=2)
        with caplog.at_level(logging.INFO, "wetlands"):
            processes = [int(str(pid)) for pid in environment.map(STATE, "pid", range(5))]

        assert [2, 2, 1] == [processes.count(pid) for pid in dict.fromkeys(processes)]
        first = processes[0]
        line = f"Worker 0 pid {first} is stopped: it has run 2 tasks (max_tasks_per_worker)"
        assert 1 == [record.getMessage() for record in caplog.records].count(line)
        eventually(lambda: not is_running(first), "it has ended")


def test_a_worker_that_holds_too_much_is_replaced_between_tasks_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with unlaunched() as environment:
        environment.launch(max_memory="150MB")
        with caplog.at_level(logging.INFO, "wetlands"):
            small = [environment.execute(STATE, "pid") for _ in range(3)]
            large = environment.execute(STATE, "hold", (200_000_000,))
            after = environment.execute(STATE, "pid")

        assert [large] * 3 == small
        assert large != after
        lines = [record.getMessage() for record in caplog.records if "is stopped" in record.getMessage()]
        assert 1 == len(lines), lines
        expected = rf"Worker 0 pid {large} is stopped: it holds 2\d\d MB \(max_memory: 150 MB\)"
        assert re.fullmatch(expected, lines[0]), lines
        eventually(lambda: not is_running(int(str(large))), "it has ended")


def test_workers_come_while_calls_wait_and_go_when_they_are_idle(tmp_path: Path) -> None:
    with unlaunched() as environment:
        environment.launch(min_workers=1, max_workers=3, idle_timeout=0.2)
        assert 1 == environment.worker_count
        first = set(pids(environment))

        tasks = [environment.submit(STATE, "meet", (tmp_path, 3)) for _ in range(3)]
        met = {int(str(task.wait_for(20).result)) for task in tasks}
        assert 3 == len(met)
        assert first <= met

        eventually(lambda: environment.worker_count == 1, "two are stopped")
        eventually(lambda: sum(map(is_running, met)) == 1, "they have ended")
        assert 1 == len(pids(environment))
        assert environment.execute(STATE, "pid") in met


def test_with_no_worker_to_keep_the_first_call_starts_one_and_the_last_one_goes() -> None:
    with unlaunched() as environment:
        environment.launch(min_workers=0, idle_timeout=0.1)
        assert (True, 0) == (environment.launched(), environment.worker_count)

        pid = int(str(environment.execute(STATE, "pid")))

        eventually(lambda: environment.worker_count == 0, "it is stopped")
        eventually(lambda: not is_running(pid), "it has ended")
        assert pid != environment.execute(STATE, "pid")


def test_leaving_while_workers_are_replaced_leaves_nothing(tmp_path: Path) -> None:
    written = tmp_path / "pids"
    with unlaunched() as environment:
        environment.launch(max_workers=2, max_tasks_per_worker=1, initializer=(STATE, "append_pid", (written,)))
        for _ in environment.map(STATE, "pid", range(6)):
            pass
    assert not any(is_running(int(line)) for line in written.read_text().split())


def test_a_worker_killed_when_the_system_ran_out_of_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system kills it without a word; the test is the system, and counts the kill as that does."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * memory_unit() + 100_000_000
    monkeypatch.setattr("wetlands._launch.process.count_kills", lambda: 0)
    monkeypatch.setattr("wetlands._launch.process.read_memory", lambda: Memory(kills=1))
    with unlaunched() as environment:
        environment.launch()
        with pytest.raises(ExecutionException) as caught:
            environment.execute(STATE, "hold_and_die", (size,))

    message = str(caught.value)
    assert "died with signal 9 (SIGKILL), probably for lack of memory" in message
    held = re.search(r"it held up to ([\d,]+) MB$", message)
    assert held is not None
    assert size <= int(held[1].replace(",", "")) * 1_000_000 + 1_000_000 <= 2 * size + 100_000_000
    assert "The worker held up to" in str(caught.value.failure.traceback)
    peak = caught.value.failure.peak_memory
    assert peak is not None
    assert size <= peak <= 2 * size + 100_000_000


def test_the_failure_of_a_killed_call_says_how_much_memory_its_worker_had_held() -> None:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * memory_unit() + 100_000_000
    with unlaunched() as environment:
        environment.launch()
        with pytest.raises(ExecutionException) as caught:
            environment.execute(STATE, "hold_and_sleep", (size,), timeout=3)
    assert TaskFailureCategory.TIMEOUT is caught.value.failure.category
    peak = caught.value.failure.peak_memory
    assert peak is not None
    assert size <= peak


def test_a_worker_that_we_killed_ourselves_is_not_said_to_lack_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands._launch.process.count_kills", lambda: 0)
    monkeypatch.setattr("wetlands._launch.process.read_memory", lambda: Memory(kills=1))
    with unlaunched() as environment:
        environment.launch()
        with pytest.raises(ExecutionException) as caught:
            environment.execute(STATE, "sleep", (60,), timeout=0.2)
    assert "memory" not in str(caught.value)
