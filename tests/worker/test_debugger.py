"""Real debugging sessions with workers of old and new Pythons."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import executor_functions
from dap import Editor
from interpreters import found
from logged import records
from pools import DEADLINE, FakeManager, an_environment, eventually, is_running, pids, unlaunched
from wetlands.exceptions import DebuggerError, ExecutionException, NotLaunchedError

if TYPE_CHECKING:
    import logging

    from wetlands._store.debuggers import DebugEndpoint

PYTHONS = [version for version in ("3.8", "3.11", "3.13") if version in found()]

MODULE = """\
import time

def double(number):
    result = number * 2
    return result

def wait(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)

def fail(number):
    half = number / 2
    raise ValueError("bad input")
"""
DOUBLED = 5  # the line after `result` was set


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "user's module.py"
    path.write_text(MODULE)
    return path


def _editor(endpoint: DebugEndpoint) -> Editor:
    return Editor(endpoint.host, endpoint.port)


@pytest.mark.parametrize("version", PYTHONS)
def test_a_breakpoint_in_a_users_module_stops_the_first_call_on_the_main_thread(version: str, module: Path) -> None:
    with an_environment(found()[version]) as environment:
        (endpoint,) = environment.debug()
        assert pids(environment) == [endpoint.pid]
        with _editor(endpoint) as editor:
            (point,) = editor.attach({module: [DOUBLED]})
            assert point["verified"]
            task = environment.submit(module, "double", (21,))
            thread, frame = editor.stopped()

            assert ("double", DOUBLED) == (frame["name"], frame["line"])
            assert {"number": "21", "result": "42"} == editor.locals(frame)
            names = {one["id"]: one["name"] for one in editor.ask("threads")["threads"]}
            assert "MainThread" == names[thread]
            editor.go_on(thread)
            assert 42 == task.wait_for(DEADLINE).result
        assert 4 == environment.execute(module, "double", (2,)), "the breakpoint went with the editor"


@pytest.mark.parametrize("version", PYTHONS)
def test_a_breakpoint_in_a_function_of_the_program_stops_it_in_the_executor(version: str) -> None:
    path, last = Path(executor_functions.__file__), executor_functions.summed.__code__.co_firstlineno + 2
    with an_environment(found()[version]) as environment:
        (endpoint,) = environment.debug()
        with _editor(endpoint) as editor, environment.executor() as executor:
            editor.attach({path: [last]})
            future = executor.submit(executor_functions.summed, [1, 2])
            thread, frame = editor.stopped()

            assert ("summed", last) == (frame["name"], frame["line"])
            assert {"numbers": "[1, 2]", "total": "3"} == editor.locals(frame)
            editor.go_on(thread)
            assert 3 == future.result(DEADLINE)


def test_a_worker_can_be_asked_while_it_is_busy_and_asked_again(module: Path) -> None:
    with an_environment() as environment:
        task = environment.submit(module, "wait", (60,))
        eventually(lambda: task.status.value == "running", "the task runs")
        (first,) = environment.debug()
        (again,) = environment.debug()

        assert first == again
        with _editor(first) as editor:
            editor.attach({module: [DOUBLED]})
        task.cancel(force_after=0.1)
        task.wait_for(DEADLINE)


def test_nothing_is_left_of_a_debugger_when_its_worker_is_killed(module: Path) -> None:
    with an_environment() as environment:
        (endpoint,) = environment.debug()
        editor = _editor(endpoint)
        editor.attach({module: [DOUBLED]})
        task = environment.submit(module, "double", (21,))
        editor.stopped()
        task.cancel(force_after=0.0)
        task.wait_for(DEADLINE)
        eventually(lambda: not is_running(endpoint.pid), "the worker is gone")
        editor.close()
        assert 4 == environment.execute(module, "double", (2,))


def test_all_workers_of_an_environment_listen(module: Path) -> None:
    with an_environment(max_workers=2) as environment:
        endpoints = environment.debug()

        assert [0, 1] == [endpoint.worker for endpoint in endpoints]
        assert 2 == len({endpoint.port for endpoint in endpoints})
        assert all("127.0.0.1" == endpoint.host for endpoint in endpoints)


def test_a_manager_that_debugs_has_workers_that_listen_before_their_first_call(module: Path) -> None:
    environment = unlaunched()
    environment.environment_manager = FakeManager(debug=True)  # type: ignore[assignment]
    with environment, records() as found_records:
        environment.launch()
        said = [record.getMessage() for record in found_records]

        (endpoint,) = environment.debug()
        assert str(endpoint) in said


def test_a_failed_call_waits_for_a_debugger_in_the_frame_that_raised(module: Path) -> None:
    environment = unlaunched()
    with environment, records() as found_records:
        environment.launch(on_error="hold", hold_timeout=60)
        task = environment.submit(module, "fail", (10,))
        port = _announced_port(found_records)
        with Editor("127.0.0.1", port) as editor:
            editor.attach({})
            thread, frame = editor.stopped()

            assert "fail" == frame["name"]
            assert "5.0" == editor.locals(frame)["half"]
            editor.go_on(thread)
            assert "bad input" in str(task.wait_for(DEADLINE).exception)
        assert 4 == environment.execute(module, "double", (2,))


def test_a_failed_call_waits_no_longer_than_it_should_and_not_when_canceled(module: Path) -> None:
    environment = unlaunched()
    with environment, records() as found_records:
        environment.launch(on_error="hold", hold_timeout=0.2)
        with pytest.raises(ExecutionException, match="bad input"):
            environment.execute(module, "fail", (1,))
        environment.exit()

        found_records.clear()
        environment.launch(on_error="hold", hold_timeout=600)
        task = environment.submit(module, "fail", (1,))
        _announced_port(found_records)
        begun = time.monotonic()
        task.cancel()
        task.wait_for(DEADLINE)
        assert time.monotonic() - begun < DEADLINE


def test_without_debugpy_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with an_environment() as environment, pytest.raises(DebuggerError, match=re.escape("wetlands[debug]")):
        environment.debug()
    with pytest.raises(DebuggerError, match="debugpy"):
        unlaunched().launch(on_error="hold")


def test_what_is_wrong_with_debugging_is_said() -> None:
    environment = unlaunched()
    with pytest.raises(NotLaunchedError):
        environment.debug()
    with pytest.raises(ValueError, match="on_error"):
        environment.launch(on_error="stop")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="hold_timeout"):
        environment.launch(on_error="hold", hold_timeout=-1)


def _announced_port(found_records: list[logging.LogRecord]) -> int:
    def ports() -> list[str]:
        texts = (record.getMessage() for record in found_records)
        return [match[1] for text in texts if (match := re.search(r"debugger on 127\.0\.0\.1:(\d+)", text))]

    eventually(ports, "the call says that it waits")
    return int(ports()[0])
