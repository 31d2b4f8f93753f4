"""Calls into real workers: values, failures, handles, threads, what is logged, and what is kept in memory."""

from __future__ import annotations

import gc
import logging
import socket
import threading
import time
import tracemalloc
from concurrent.futures import CancelledError, wait
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, pids, pool_of, unlaunched
from tasks import Heard
from wetlands.exceptions import ExecutionException, LaunchError, NotLaunchedError
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment() as launched:
        yield launched


def test_a_call_before_the_launch_is_refused_at_once() -> None:
    for verb in (unlaunched().execute, unlaunched().submit, unlaunched().map):
        with pytest.raises(NotLaunchedError, match=r"launch\(\)"):
            verb(FUNCTIONS, "echo", (1,))


def test_positional_and_keyword_arguments_arrive(environment: ExternalEnvironment) -> None:
    assert 123 == environment.execute(FUNCTIONS, "add", (100, 20), {"third": 3})
    assert 123 == environment.submit(FUNCTIONS, "add", (100,), {"second": 20, "third": 3}).wait_for(DEADLINE).result


def test_a_remote_exception_keeps_its_cause_and_names_its_place(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException) as caught:
        environment.execute(FUNCTIONS, "fail")

    failure = caught.value.failure
    remote = failure.remote_exception
    assert remote is not None
    assert remote.cause is not None
    assert "Remote ValueError from pool_functions: bad input" == str(caught.value)
    assert ("ValueError", "KeyError") == (remote.type_name, remote.cause.type_name)
    assert "fail" == failure.traceback_frames[-1].name
    assert "wetlands_worker" not in str(failure.traceback)
    assert "KeyError: 'cause'" in str(caught.value.__cause__)


@pytest.mark.parametrize("size", [0, 1, 65_519, 65_520, 65_521, 200_000, 5_000_000])
def test_values_of_every_size_cross_in_both_directions(environment: ExternalEnvironment, size: int) -> None:
    value = bytes(size)

    assert value == environment.execute(FUNCTIONS, "echo", (value,))
    assert [value, "and more"] == environment.submit(FUNCTIONS, "echo", ([value, "and more"],)).wait_for(
        DEADLINE
    ).result


@pytest.mark.parametrize(
    "function, arguments, part",
    [("echo", (1, [threading.Lock()]), "args[1][0]"), ("unsendable", (), "result['bad'][0]")],
    ids=["arguments", "result"],
)
def test_what_cannot_be_sent_fails_its_own_call_and_names_the_part(
    environment: ExternalEnvironment, function: str, arguments: tuple[object, ...], part: str
) -> None:
    (pid,) = pids(environment)
    with pytest.raises(ExecutionException) as caught:
        environment.execute(FUNCTIONS, function, arguments)
    task = environment.submit(FUNCTIONS, function, arguments).wait_for(DEADLINE)

    for failure in (caught.value.failure, task.error):
        assert failure is not None
        assert TaskFailureCategory.SERIALIZATION is failure.category
        assert part in failure.message
    assert pid == environment.execute(FUNCTIONS, "pid")


def test_a_result_that_cannot_be_read_here_fails_its_own_call(environment: ExternalEnvironment, tmp_path: Path) -> None:
    module = tmp_path / "only_over_there.py"
    module.write_text("class Thing:\n    pass\n\ndef make():\n    return Thing()\n")
    with pytest.raises(ExecutionException) as caught:
        environment.execute(module, "make")

    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
    assert "only_over_there" in caught.value.failure.message
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def test_calls_run_on_the_main_thread_of_their_worker(environment: ExternalEnvironment) -> None:
    assert [(True, "MainThread")] * 3 == [environment.execute(FUNCTIONS, "thread_names") for _ in range(3)]


@pytest.mark.parametrize("code, succeeds", [(0, True), (None, True), (3, False), ("a message", False)])
def test_a_script_that_leaves_with_sys_exit_ends_and_its_code_decides(
    environment: ExternalEnvironment, tmp_path: Path, code: object, succeeds: bool
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nvalue = sys.argv[1:]\nhidden = lambda: 1\nsys.exit({code!r})\n")

    task = environment.submit_script(script, ("one", 2)).wait_for(DEADLINE)

    if succeeds:
        assert {"value": ["one", "2"]} == {name: task.result[name] for name in task.result if name == "value"}
        assert "hidden" not in task.result
    else:
        assert TaskStatus.FAILED is task.status
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def test_a_function_that_leaves_with_sys_exit_fails_and_its_worker_lives(environment: ExternalEnvironment) -> None:
    (pid,) = pids(environment)
    with pytest.raises(ExecutionException, match="SystemExit"):
        environment.execute(FUNCTIONS, "raises_exit", (3,))

    assert pid == environment.execute(FUNCTIONS, "pid")


# ------------------------------------------------------------------- handles


def test_progress_outputs_and_the_result_arrive_in_order(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "steps", (50,), start=False)
    seen: list[tuple[str, str | None, object]] = []
    task.listen(lambda event: seen.append((event.type.name, event.task.message, event.task.current)))
    task.wait_for(DEADLINE)

    steps = [("UPDATE", f"step {step}", step + 1) for step in range(50)]
    assert [("STARTED", None, None), *steps, ("COMPLETION", "step 49", 50)] == seen
    outputs = environment.submit(FUNCTIONS, "outputs").wait_for(DEADLINE)
    assert {"first": [1], "second": {"a": None}} == dict(outputs.outputs)


def test_a_slow_listener_holds_up_neither_its_worker_nor_other_tasks(environment: ExternalEnvironment) -> None:
    go_on = threading.Event()
    slow = environment.submit(FUNCTIONS, "steps", (1000,), start=False)
    slow.listen(lambda _: go_on.wait(DEADLINE))
    try:
        assert 1000 == slow.start().future.result(DEADLINE)
        assert 1 == environment.execute(FUNCTIONS, "echo", (1,))
    finally:
        go_on.set()
    slow.wait_for(DEADLINE)


def test_a_listener_and_a_done_callback_may_call_into_the_same_worker(environment: ExternalEnvironment) -> None:
    results: list[object] = []
    both = threading.Semaphore(0)

    def call(_: object) -> None:
        results.append(environment.execute(FUNCTIONS, "echo", ("from a callback",)))
        both.release()

    task = environment.submit(FUNCTIONS, "echo", (1,), start=False)
    task.listen(lambda event: call(event) if event.task.status.is_finished() and len(results) < 1 else None)
    task.future.add_done_callback(call)
    task.start()

    for _ in range(2):
        assert both.acquire(timeout=DEADLINE)
    assert {"from a callback"} == set(results)


def test_a_failing_listener_harms_neither_the_worker_nor_the_task(
    environment: ExternalEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    task = environment.submit(FUNCTIONS, "steps", (3,), start=False)
    task.listen(lambda _: 1 // 0)
    heard = Heard()
    task.listen(heard)
    task.start()

    assert "COMPLETION" == heard.types[-1]
    assert 3 == task.wait_for(DEADLINE).result
    assert "ZeroDivisionError" in caplog.text


def test_cancel_asks_a_running_task_and_what_it_returns_counts(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "until_canceled")
    eventually(lambda: task.message, "the task runs")
    task.cancel()

    assert (TaskStatus.COMPLETED, "finished properly") == (task.wait_for(DEADLINE).status, task.result)


def test_a_task_may_cancel_itself(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "cancels_itself").wait_for(DEADLINE)

    assert (TaskStatus.CANCELED, True) == (task.status, task.future.cancelled())
    with pytest.raises(CancelledError):
        environment.execute(FUNCTIONS, "cancels_itself")


def test_canceled_tasks_are_done_for_concurrent_futures(environment: ExternalEnvironment, tmp_path: Path) -> None:
    running = environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "go"),))
    queued = [environment.submit(FUNCTIONS, "never_called") for _ in range(5)]
    for task in queued:
        task.cancel()

    done, not_done = wait([task.future for task in queued], DEADLINE)
    assert (5, 0) == (len(done), len(not_done))
    (tmp_path / "go").touch()
    assert TaskStatus.COMPLETED is running.wait_for(DEADLINE).status


def test_a_task_that_is_canceled_at_any_moment_ends(environment: ExternalEnvironment) -> None:
    """The cancel overtakes the call, meets it on its way, or comes after the answer."""
    ends = set()
    for _ in range(300):
        task = environment.submit(FUNCTIONS, "echo", (1,))
        task.cancel()
        ends.add(task.wait_for(DEADLINE).status)

    assert {TaskStatus.CANCELED, TaskStatus.COMPLETED} >= ends
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))


def test_with_a_task_while_all_workers_are_busy_starts_it_once(
    environment: ExternalEnvironment, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    busy = environment.submit(FUNCTIONS, "wait_for_file", (str(tmp_path / "go"),))
    with environment.submit(FUNCTIONS, "append", (str(record), "x")) as task:
        task.start()
        (tmp_path / "go").touch()
        task.wait_for(DEADLINE)
    busy.wait_for(DEADLINE)

    assert "x" == record.read_text()


def test_late_reports_of_a_thread_are_ignored_with_one_warning(
    environment: ExternalEnvironment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    (pid,) = pids(environment)
    with caplog.at_level(logging.DEBUG, "wetlands"):
        task = environment.submit(FUNCTIONS, "leaves_a_thread", (str(go), str(done))).wait_for(DEADLINE)
        go.touch()
        eventually(done.exists, "the thread has reported")
        assert pid == environment.execute(FUNCTIONS, "pid")
        pool_of(environment).workers[0].process.output.wait_for_line(
            lambda line: "after its function" in line, DEADLINE
        )
        environment.exit()

    assert (None, {}) == (task.message, dict(task.outputs))
    assert 1 == caplog.text.count("was called after its function had returned")


def test_reports_of_several_threads_of_one_task_do_not_interleave(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "floods_from_threads", (100, 5000)).wait_for(DEADLINE)

    assert {f"{name}-{number}": name * 5000 for name in "abcd" for number in range(100)} == dict(task.outputs)
    assert 100 == task.result


# -------------------------------------------------------------- threads, time


def test_calls_of_several_threads_run_on_several_workers_at_the_same_time(tmp_path: Path) -> None:
    with an_environment(max_workers=3) as environment:
        calls = [
            in_thread(partial(environment.execute, FUNCTIONS, "wait_for_three", (str(tmp_path), index)))
            for index in range(3)
        ]

        assert [3] * 3 == [finish() for finish in calls]


def test_a_default_timeout_of_sockets_is_not_for_our_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        with an_environment() as environment:
            (pid,) = pids(environment)
            assert environment.execute(FUNCTIONS, "sleeps", (), {"seconds": 0.1}) is None
            task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 0.1}).wait_for(DEADLINE)
            assert TaskStatus.COMPLETED is task.status
            assert pid == environment.execute(FUNCTIONS, "pid")
    finally:
        socket.setdefaulttimeout(before)


def test_no_timer_kills_a_long_call_and_no_clock_step_matters(
    environment: ExternalEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = environment.submit(FUNCTIONS, "sleeps", (), {"seconds": 0.05})
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 10**9)

    assert TaskStatus.COMPLETED is task.wait_for(DEADLINE).status


# --------------------------------------------------------------- logs, memory


def test_arguments_and_results_appear_in_no_log(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    secret = "s3cret-" * 3
    with caplog.at_level(logging.DEBUG), an_environment() as environment:
        environment.execute(FUNCTIONS, "echo", (secret,))
        environment.submit(FUNCTIONS, "echo", (secret,), {}).wait_for(DEADLINE)
        list(environment.map(FUNCTIONS, "echo", [secret] * 10))
        with pytest.raises(ExecutionException):
            environment.execute(FUNCTIONS, "echo", (secret, secret, secret))
        with pytest.raises(ExecutionException):
            environment.execute(FUNCTIONS, "die", kwargs={"signal_number": 9})

    assert caplog.records
    assert secret not in caplog.text
    assert all(secret not in repr(vars(record)) for record in caplog.records)


def test_thousands_of_calls_leave_nothing_in_the_memory_of_the_host(environment: ExternalEnvironment) -> None:
    def rounds() -> None:
        for _ in range(300):
            environment.execute(FUNCTIONS, "echo", ("x" * 500,))
            environment.submit(FUNCTIONS, "steps", (2,)).wait_for(DEADLINE)
        list(environment.map(FUNCTIONS, "echo", ["x" * 500] * 1000))

    rounds()
    gc.collect()
    tracemalloc.start()
    try:
        rounds()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        rounds()
        rounds()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 100_000, "a call of which something stays costs 3,800 objects here"


def test_a_result_that_was_taken_from_map_is_forgotten(environment: ExternalEnvironment) -> None:
    from wetlands._pool.mapping import MapIterator

    results = environment.map(FUNCTIONS, "echo", range(500))
    for result in results:
        if result == 400:
            break

    assert isinstance(results, MapIterator)
    kept = [thing for thing in gc.get_objects() if type(thing).__name__ == "_ItemCall"]
    assert 250 > len(kept)
    results.close()


def test_one_call_is_one_send(environment: ExternalEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = pool_of(environment).workers[0].process.call
    sends: list[int] = []
    send = connection._send

    def counted(data: bytes) -> int:
        sends.append(len(data))
        return send(data)

    connection._send = counted  # type: ignore[assignment]  # it takes what is sent here
    for number in range(10):
        environment.execute(FUNCTIONS, "add", (number,), {"third": 1})

    assert 10 == len(sends)


def test_additional_activate_commands_set_variables_and_their_failure_says_why() -> None:
    environment = unlaunched()
    environment.launch(["export FROM_SHELL='two words'"])
    assert "two words" == environment.execute(FUNCTIONS, "variable", ("FROM_SHELL",))
    environment.exit()

    with pytest.raises(LaunchError, match="no such thing"):
        environment.launch(["echo no such thing >&2", "exit 3"])
    assert not environment.launched()
