"""What a keeper answers to those who look at its workers from outside, with and without a program."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dap import Editor
from persistent import NAME, attached, begun, said_pids
from pools import FUNCTIONS, eventually, is_running, pids
from wetlands._debug.endpoint import debugpy_folder
from wetlands._store.keys import auth_key
from wetlands.exceptions import AttachError
from wetlands_worker.looking import RefusedError, ask

if TYPE_CHECKING:
    from pathlib import Path

    from persistent import Instance
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="persistent workers are not there on Windows")


def answer(instance: Instance, question: str, **more: object) -> Any:  # noqa: ANN401 - JSON
    _, key = auth_key(instance.root)
    return ask(instance.note.address, key, {"ask": question, "environment": NAME, **more}, 20)


def worker_of(instance: Instance) -> dict[str, Any]:  # Any: JSON
    (environment,) = answer(instance, "workers")["environments"]
    (worker,) = environment["workers"]
    return dict(worker)


def test_with_a_program_it_says_whose_the_workers_are(instance: Instance, environment: ExternalEnvironment) -> None:
    (seen,) = answer(instance, "workers")["environments"]

    assert (NAME, os.getpid()) == (seen["environment"], seen["program"]["pid"])
    assert [{"index": 0, "pid": pids(environment)[0], "state": "attached"}] == seen["workers"]


def test_without_a_program_it_says_what_they_run_and_keep(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    task, label = begun(environment, tmp_path / "go"), "pool_functions:begins_until_path"
    environment.detach()
    eventually(lambda: worker_of(instance).get("target"), "the worker has told")
    seen = worker_of(instance)
    assert ("busy", label, task.id, []) == (seen["state"], seen["target"], seen["task"], seen["kept"])
    assert "in begins_until_path" in answer(instance, "stacks")["stacks"]["0"]

    (tmp_path / "go").touch()
    eventually(lambda: worker_of(instance)["kept"], "the result is kept")

    seen = worker_of(instance)
    assert ("idle", None) == (seen["state"], seen["target"])
    assert [(task.id, label)] == [(kept["task"], kept["target"]) for kept in seen["kept"]]
    assert 3000 < seen["kept"][0]["seconds"] <= 3600
    assert "(no task runs)" in answer(instance, "stacks", worker=0)["stacks"]["0"]


def test_a_worker_that_cannot_answer_is_said_to_be_so(instance: Instance, environment: ExternalEnvironment) -> None:
    environment.submit(FUNCTIONS, "counts")
    eventually(lambda: "faulthandler says" in environment.stacks()[0], "it computes in C")
    environment.detach()

    assert "does not answer, as in native code" in answer(instance, "stacks")["stacks"]["0"]

    os.kill(said_pids(instance.note)[0], signal.SIGKILL)


def test_all_of_them_can_be_ended_busy_ones_too(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    begun(environment, tmp_path / "never")
    environment.detach()
    note = instance.note

    assert {"killed": said_pids(note)} == answer(instance, "kill")

    eventually(instance.is_empty, "the keeper ends too")
    assert not any(map(is_running, said_pids(note)))
    with pytest.raises(AttachError, match="there are none"):
        attached(instance, 0.2)


def test_a_debugger_attaches_to_a_worker_without_a_program(
    instance: Instance, environment: ExternalEnvironment, tmp_path: Path
) -> None:
    begun(environment, tmp_path / "go")
    environment.detach()
    with pytest.raises(RefusedError, match="has to name a folder of debugpy"):
        answer(instance, "debug")

    (endpoint,) = answer(instance, "debug", folder=str(debugpy_folder()), python=sys.executable)["endpoints"]

    assert (NAME, 0, said_pids(instance.note)[0]) == (endpoint["environment"], endpoint["worker"], endpoint["pid"])
    with Editor(endpoint["host"], endpoint["port"]) as editor:
        lines = FUNCTIONS.read_text(encoding="utf-8").splitlines()
        line = next(number for number, text in enumerate(lines, 1) if "the path is there" in text)
        editor.attach({FUNCTIONS: [line]})
        (tmp_path / "go").touch()
        thread, frame = editor.stopped()
        assert (line, "'done'") == (frame["line"], editor.locals(frame)["result"])
        editor.go_on(thread)
    assert ["done"] == [task.result for task in attached(instance).pending_results()]


def test_what_it_does_not_know_is_said(instance: Instance, environment: ExternalEnvironment) -> None:
    with pytest.raises(RefusedError, match="does not know the question"):
        answer(instance, "riddle")
    with pytest.raises(RefusedError, match="has the workers of 'tested' alone"):
        answer(instance, "stacks", environment="other")
