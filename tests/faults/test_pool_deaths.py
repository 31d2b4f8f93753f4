"""Workers that die, at any moment and in any way: their call fails or runs elsewhere, and nobody else notices."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, is_running, pids, pool_of, unlaunched
from wetlands._launch.process import WorkerProcess
from wetlands._platform.shortage import Memory
from wetlands.exceptions import ExecutionException, LaunchError, NotLaunchedError
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


def failure(environment: ExternalEnvironment, function: str, *arguments: object) -> ExecutionException:
    with pytest.raises(ExecutionException) as caught:
        environment.execute(FUNCTIONS, function, arguments)
    return caught.value


def test_a_crash_says_what_happened_and_the_next_call_works() -> None:
    with an_environment() as environment:
        (pid,) = pids(environment)
        error = failure(environment, "die", int(signal.SIGSEGV))

        expected = (TaskFailureCategory.WORKER_DIED, int(signal.SIGSEGV), None, "pool_functions:die", pid)
        details = error.failure
        assert details.worker is not None
        assert expected == (
            details.category,
            details.signal,
            details.exit_code,
            details.call_target,
            details.worker.pid,
        )
        assert f"Worker 0 pid {pid} died with signal 11 (SIGSEGV)" == str(error)
        assert "in die" in str(details.traceback), "the trace of faulthandler"
        assert pid != environment.execute(FUNCTIONS, "pid")


def test_an_exit_code_is_told() -> None:
    with an_environment() as environment:
        details = failure(environment, "leave", 3).failure

        assert (3, None, TaskFailureCategory.WORKER_DIED) == (details.exit_code, details.signal, details.category)


def test_the_caller_of_a_call_that_crashed_does_not_wait_for_the_burial(monkeypatch: pytest.MonkeyPatch) -> None:
    told, order = threading.Event(), []
    kill = WorkerProcess.kill_leftovers

    def bury(process: WorkerProcess) -> None:
        order.append("buried after the caller was told" if told.wait(DEADLINE) else "buried first")
        kill(process)

    with an_environment() as environment:
        monkeypatch.setattr(WorkerProcess, "kill_leftovers", bury)
        failure(environment, "die")
        told.set()
        assert 1 == environment.execute(FUNCTIONS, "echo", (1,))
    assert "buried after the caller was told" == order[0]


def test_an_exit_right_after_a_crash_waits_until_what_was_left_behind_is_gone(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    with an_environment() as environment:
        failure(environment, "leaves_a_child_and_dies", str(written))
    assert not is_running(int(written.read_text()))


def test_how_a_worker_died_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look() -> Memory:
        looks.append(1)
        return Memory()

    monkeypatch.setattr("wetlands._launch.process.read_memory", look)
    with an_environment() as environment:
        assert int(signal.SIGKILL) == failure(environment, "die").failure.signal
    assert [1] == looks


def test_a_crash_fails_only_its_own_task(tmp_path: Path) -> None:
    with an_environment(max_workers=2) as environment:
        neighbour = environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "go"),))
        eventually(lambda: neighbour.message, "the neighbour runs")
        deadly = environment.submit(FUNCTIONS, "die")
        waiting = [environment.submit(FUNCTIONS, "echo", (number,)) for number in range(20)]

        assert TaskStatus.FAILED is deadly.wait_for(DEADLINE).status
        assert list(range(20)) == [task.wait_for(DEADLINE).result for task in waiting]
        (tmp_path / "go").touch()
        assert TaskStatus.COMPLETED is neighbour.wait_for(DEADLINE).status


def test_a_call_to_a_worker_that_has_just_died_idle_does_not_fail() -> None:
    with an_environment() as environment:
        for number in range(10):
            eventually(lambda: pids(environment), "a worker")
            with suppress(ProcessLookupError):
                os.kill(pids(environment)[0], signal.SIGKILL)
            assert number == environment.execute(FUNCTIONS, "echo", (number,))


def test_a_worker_that_dies_idle_is_replaced_and_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with an_environment(max_workers=2) as environment:
        before = pids(environment)
        with caplog.at_level(logging.WARNING, "wetlands"):
            os.kill(before[1], signal.SIGKILL)
            eventually(lambda: len(set(pids(environment)) - set(before)) == 1, "a replacement")

        assert f"Worker 1 pid {before[1]} died with signal 9 (SIGKILL) while idle" in caplog.text


def test_replacements_get_the_variables_of_their_index_too() -> None:
    with an_environment(max_workers=2, worker_env=lambda index: {"INDEX": f"number {index}"}) as environment:
        for _ in range(2):
            both = {environment.execute(FUNCTIONS, "variable", ("INDEX",))}
            results = [environment.submit(FUNCTIONS, "variable", ("INDEX",)) for _ in range(20)]
            both |= {task.wait_for(DEADLINE).result for task in results}
            assert both <= {"number 0", "number 1"}
            failure(environment, "die")
            failure(environment, "die")
            eventually(lambda: len(pids(environment)) == 2, "replacements")


def test_every_call_ends_while_workers_are_killed_all_the_time() -> None:
    """Four threads call, a fifth kills: a result or a typed failure, and no call waits for ever."""
    with an_environment(max_workers=2) as environment:
        stop, counts = threading.Event(), {"completed": 0}
        failures: list[TaskFailureCategory] = []

        def call() -> None:
            while not stop.is_set():
                try:
                    assert environment.execute(FUNCTIONS, "echo", ("value",)) == "value"
                    counts["completed"] += 1
                except ExecutionException as error:
                    failures.append(error.failure.category)

        callers = [in_thread(call) for _ in range(4)]
        try:
            for _ in range(15):
                completed = counts["completed"]
                for pid in pids(environment):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                eventually(lambda before=completed: counts["completed"] > before, "calls go on")  # type: ignore[misc]  # early bound
        finally:
            stop.set()
        for finish in callers:
            finish()

        assert {TaskFailureCategory.WORKER_DIED} >= set(failures)
        assert environment.launched()


def test_map_loses_and_repeats_nothing_when_a_worker_dies() -> None:
    with an_environment(max_workers=2) as environment:
        seen = []
        results = environment.map(FUNCTIONS, "echo", range(3000))
        failures: list[TaskFailureCategory] = []
        try:
            for result in results:
                seen.append(result)
                if result in {500, 1500}:
                    with suppress(ProcessLookupError):
                        os.kill(pids(environment)[0], signal.SIGKILL)
        except ExecutionException as error:  # a call was running in the worker that was killed
            failures.append(error.failure.category)

        assert list(range(len(seen))) == seen
        assert failures == [TaskFailureCategory.WORKER_DIED] or len(seen) == 3000


# ------------------------------------------------------------------ launches


def test_a_launch_of_which_one_worker_fails_leaves_nothing_running(tmp_path: Path) -> None:
    started = []

    def one_fails(index: int) -> dict[str, str]:
        started.append(index)
        broken = tmp_path / "broken"
        broken.mkdir(exist_ok=True)
        (broken / "sitecustomize.py").write_text("import os, sys\nprint('no licence', file=sys.stderr)\nos._exit(7)\n")
        return {"PYTHONPATH": str(broken)} if index == 2 else {}

    environment = unlaunched()
    with pytest.raises(LaunchError, match="exit code 7") as caught:
        environment.launch(max_workers=3, worker_env=one_fails)

    assert [0, 1, 2] == started
    assert "no licence" in caught.value.output
    assert not environment.launched()
    with pytest.raises(NotLaunchedError):
        environment.submit(FUNCTIONS, "echo")
    environment.launch()
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))
    environment.exit()


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "2"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(value: object) -> None:
    environment = unlaunched()

    with pytest.raises(ValueError, match="max_workers"):
        environment.launch(max_workers=value)  # type: ignore[arg-type]  # which is the point


def test_launching_twice_does_nothing_more() -> None:
    with an_environment() as environment:
        before = pids(environment)
        environment.launch(max_workers=3)

        assert (before, 1) == (pids(environment), environment.worker_count)


def test_workers_that_cannot_stay_alive_break_the_pool_and_a_new_launch_mends_it(tmp_path: Path) -> None:
    broken = tmp_path / "site"
    broken.mkdir()
    dying = tmp_path / "dying"
    (broken / "sitecustomize.py").write_text(f"import os\nif os.path.exists({str(dying)!r}): os._exit(9)\n")
    with an_environment(variables={"PYTHONPATH": str(broken)}) as environment:
        dying.touch()
        began = time.monotonic()
        os.kill(pids(environment)[0], signal.SIGKILL)
        eventually(lambda: not environment.launched(), "the pool gives up")

        assert time.monotonic() - began > 1.0, "without a pause between the attempts"
        with pytest.raises(NotLaunchedError, match=r"exit code 9.*launch\(\)"):
            environment.execute(FUNCTIONS, "echo")
        dying.unlink()
        environment.launch()
        assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def exit_while_replacements_start() -> None:
    with an_environment(max_workers=2) as environment:
        first = set(pids(environment))
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        nursery = pool_of(environment)._lives.nursery
        eventually(lambda: nursery._starting or set(pids(environment)) - first, "a replacement starts, or is there")
        seen = first | {*pids(environment), *(process.pid for process in list(nursery._starting))}
        environment.exit()
        assert not any(is_running(pid) for pid in seen)


def test_a_replacement_never_outlives_the_exit() -> None:
    for _ in range(5):
        exit_while_replacements_start()
