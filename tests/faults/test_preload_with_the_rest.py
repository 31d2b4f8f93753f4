"""Forked workers do all that other workers do: streams, callbacks, kept results, debuggers, limits, stacks, renewal."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

import pool_functions
import preload_functions
import state_functions
import stream_functions
from dap import Editor
from logged import records
from pools import DEADLINE, FakeManager, eventually, is_running, pids, unlaunched
from wetlands.exceptions import ExecutionException, LaunchError
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

CALLBACKS = Path(__file__).parents[1] / "callback_functions.py"
FORKED = Path(preload_functions.__file__)
POOL = Path(pool_functions.__file__)
STATE = Path(state_functions.__file__)
STREAMS = Path(stream_functions.__file__)
PRELOAD = ["xml.dom.minidom", "asyncio"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with unlaunched() as environment:
        environment.launch(preload=PRELOAD)
        yield environment


def is_forked(environment: ExternalEnvironment) -> bool:
    """Whether the worker that answers was forked: the modules that its template imported are loaded."""
    found = cast("dict[str, Any]", environment.execute(FORKED, "facts"))
    return bool(found["loaded"]) and os.getpid() != found["parent"]


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["count", "count_asynchronously"])
def test_items_come_while_they_are_made_and_the_next_stream_of_the_same_worker_too(
    environment: ExternalEnvironment, function: str
) -> None:
    for window in (1, 16):
        assert list(range(50)) == list(environment.stream(STREAMS, function, (50,), window=window))
    assert is_forked(environment)


def test_a_stream_that_is_left_early_closes_its_generator(environment: ExternalEnvironment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with environment.stream(STREAMS, "count", (10**9, str(log)), window=2) as items:
        assert [0, 1] == [next(items), next(items)]
    assert "closed" == log.read_text().splitlines()[-1]
    assert is_forked(environment)


def test_an_event_loop_iterates_over_a_stream_and_leaves_it(environment: ExternalEnvironment, tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def first() -> object:
        async with environment.stream(STREAMS, "count_asynchronously", (10**9, str(log))) as items:
            async for item in items:
                return item
        return None

    assert 0 == asyncio.run(first())
    assert "closed" == log.read_text().splitlines()[-1]


def test_a_death_within_a_stream_fails_it_and_the_replacement_is_forked(environment: ExternalEnvironment) -> None:
    items = environment.stream(STREAMS, "dies_after", (3,))
    assert [0, 1, 2] == [next(items) for _ in range(3)]
    with pytest.raises(ExecutionException, match=r"died with signal 9 \(SIGKILL\)"):
        next(items)
    assert is_forked(environment)


# --- callbacks, shared memory -----------------------------------------------------------------------------------------


def test_callables_of_the_host_are_called_from_any_thread_of_a_forked_worker(environment: ExternalEnvironment) -> None:
    seen: list[object] = []

    def remember(value: object) -> int:
        seen.append(value)
        return os.getpid()

    assert [os.getpid()] * 3 == environment.execute(CALLBACKS, "each", (remember, 3))
    assert [0, 1, 2] == seen
    assert [0, 2, 4, 6] == environment.execute(CALLBACKS, "in_threads", (lambda value: 2 * value, 4))
    assert [1, 4] == list(environment.stream(CALLBACKS, "streamed", (lambda value: (value + 1) ** 2, 2)))


def test_a_callback_that_raises_is_caught_in_a_forked_worker(environment: ExternalEnvironment) -> None:
    def refuse() -> None:
        raise FileExistsError("taken")

    assert "FileExistsError" == cast("tuple[str, ...]", environment.execute(CALLBACKS, "caught", (refuse,)))[1]


def test_what_a_forked_worker_keeps_outlives_it_and_is_read_by_its_replacement() -> None:
    numpy = pytest.importorskip("numpy")
    with unlaunched() as environment:
        environment.launch(preload=["numpy"])
        array = numpy.arange(1_000_000)
        with environment.submit(FORKED, "echo", (array,), keep=True).wait_for(DEADLINE).result as kept:
            assert array.nbytes <= kept.nbytes
            with pytest.raises(ExecutionException, match="SIGKILL"):
                environment.execute(FORKED, "die", (9,))
            assert float(array.sum()) == environment.execute(FORKED, "array_sum", (kept,))
            assert numpy.array_equal(array, kept.get())
        sizes = [cast("Any", item).size for item in environment.stream(STREAMS, "arrays", (4, 300_000), window=1)]
        assert [300_000] * 4 == sizes
        assert os.getpid() != cast("dict[str, Any]", environment.execute(FORKED, "facts"))["parent"]


# --- debugger ---------------------------------------------------------------------------------------------------------

MODULE = "def fail(number):\n    half = number / 2\n    raise ValueError('bad input')\n"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "user's module.py"
    path.write_text(MODULE)
    return path


def test_a_debugger_stops_in_a_forked_worker_and_its_replacement_is_forked(
    environment: ExternalEnvironment, module: Path
) -> None:
    """The debugger starts threads in the worker; the template, which is what is copied, has none of them."""
    (endpoint,) = environment.debug()
    assert pids(environment) == [endpoint.pid]
    with Editor(endpoint.host, endpoint.port) as editor:
        editor.attach({module: [3]})
        task = environment.submit(module, "fail", (4,))
        thread, frame = editor.stopped()
        assert ("fail", 3) == (frame["name"], frame["line"])
        assert "2.0" == editor.locals(frame)["half"]
        editor.go_on(thread)
        assert "bad input" in str(task.wait_for(DEADLINE).exception)
    with pytest.raises(ExecutionException, match="SIGKILL"):
        environment.execute(FORKED, "die", (9,))
    assert is_forked(environment)


def test_workers_of_a_manager_that_debugs_are_forked_and_listen_each() -> None:
    environment = unlaunched()
    environment.environment_manager = FakeManager(debug=True)  # type: ignore[assignment]  # as in the other tests
    with environment:
        environment.launch(max_workers=2, preload=PRELOAD)
        assert 2 == len({endpoint.port for endpoint in environment.debug()})
        assert is_forked(environment)


def test_a_failed_call_of_a_forked_worker_waits_for_a_debugger(module: Path) -> None:
    with unlaunched() as environment, records() as said:
        environment.launch(on_error="hold", hold_timeout=60, preload=PRELOAD)
        task = environment.submit(module, "fail", (10,))

        def ports() -> list[str]:
            return re.findall(r"debugger on 127\.0\.0\.1:(\d+)", "\n".join(record.getMessage() for record in said))

        eventually(ports, "the call says that it waits")
        with Editor("127.0.0.1", int(ports()[0])) as editor:
            editor.attach({})
            thread, frame = editor.stopped()
            assert "5.0" == editor.locals(frame)["half"]
            editor.go_on(thread)
            assert "bad input" in str(task.wait_for(DEADLINE).exception)
        assert is_forked(environment)


# --- state ------------------------------------------------------------------------------------------------------------


def test_forked_workers_are_prepared_renewed_and_forked_again() -> None:
    with unlaunched() as environment:
        environment.launch(preload=PRELOAD, initializer=(STATE, "prepare", ("a", "b")), max_tasks_per_worker=2)
        found = cast("list[tuple[int, list[str]]]", list(environment.map(STATE, "prepared_of", range(6))))
        assert 3 == len({pid for pid, _ in found})
        assert [["a", "b"]] * 6 == [words for _, words in found]
        assert is_forked(environment)


def test_an_initializer_that_fails_in_a_forked_worker_fails_the_launch_and_ends_the_template(tmp_path: Path) -> None:
    started = tmp_path / "started"
    with unlaunched() as environment:
        with pytest.raises(LaunchError, match="no weights"):
            environment.launch(preload=PRELOAD, initializer=(STATE, "fail_if", (str(tmp_path), str(started))))
        eventually(lambda: not any(map(is_running, map(int, started.read_text().split()))), "the worker has ended")
        environment.launch(preload=PRELOAD)
        assert is_forked(environment)


def test_a_forked_worker_that_holds_too_much_is_replaced_by_one_that_does_not_inherit_it() -> None:
    with unlaunched() as environment:
        environment.launch(preload=PRELOAD, max_memory="150MB")
        first = environment.execute(STATE, "hold", (300_000_000,))
        eventually(lambda: pids(environment) not in ([], [first]), "it is replaced")
        second = environment.execute(STATE, "pid")
        assert [second] * 5 == list(environment.map(STATE, "pid", range(5)))


def test_forked_workers_come_while_calls_wait_and_go_when_they_are_idle(tmp_path: Path) -> None:
    with unlaunched() as environment:
        environment.launch(min_workers=0, max_workers=2, idle_timeout=0.1, preload=PRELOAD)
        tasks = [environment.submit(STATE, "meet", (str(tmp_path), 2)) for _ in range(2)]
        assert 2 == len({task.wait_for(DEADLINE).result for task in tasks})
        eventually(lambda: environment.worker_count == 0, "both have gone")
        assert is_forked(environment)


# --- time, stacks, force ----------------------------------------------------------------------------------------------


def test_silence_is_noticed_and_stacks_are_told_in_forked_workers() -> None:
    with unlaunched() as environment:
        environment.launch(max_workers=2, worker_timeout=1.0, preload=PRELOAD)
        task = environment.submit(POOL, "sleeps")
        eventually(lambda: "time.sleep" in task.stack(), "the stack of the task")
        assert {0, 1} == set(environment.stacks())
        error = task.wait_for(DEADLINE).error
        assert error is not None
        assert TaskFailureCategory.TIMEOUT is error.category
        assert "time.sleep(seconds)" == error.traceback_frames[-1].line
        assert is_forked(environment)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a signal")
def test_native_code_that_holds_the_lock_of_python_is_looked_into_in_a_forked_worker(
    environment: ExternalEnvironment,
) -> None:
    task = environment.submit(POOL, "counts")
    eventually(lambda: task.message == "begun", "it runs")
    stack = task.stack()
    assert stack.startswith("Native code holds Python's lock")
    assert 1 == stack.count("in counts")
    task.cancel(force_after=0)
    task.wait_for(DEADLINE)
    assert is_forked(environment)


def test_a_forked_worker_is_interrupted_and_lives_on_or_is_killed_and_forked_anew(
    environment: ExternalEnvironment,
) -> None:
    (first,) = pids(environment)
    task = environment.submit(POOL, "sleeps")
    eventually(lambda: task.message == "begun", "it runs")
    task.cancel(force_after=0.05)
    assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status
    stubborn = environment.submit(FORKED, "ignores_everything")
    eventually(lambda: stubborn.message == "ignores", "it runs")
    begun = time.monotonic()
    stubborn.cancel(force_after=0.05)
    assert TaskStatus.CANCELED is stubborn.wait_for(DEADLINE).status
    assert time.monotonic() - begun < DEADLINE
    assert is_forked(environment)
    assert [first] != pids(environment)


def test_threads_of_a_task_do_not_hinder_the_next_fork(environment: ExternalEnvironment) -> None:
    """They run in a worker; the template stays as it was."""
    assert [1, 2, 3] == environment.execute(CALLBACKS, "in_threads", (lambda value: value + 1, 3))
    with pytest.raises(ExecutionException, match="exit code 3"):
        environment.execute(FORKED, "leave", (3,))
    assert is_forked(environment)
