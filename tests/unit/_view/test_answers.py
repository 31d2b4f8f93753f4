from __future__ import annotations

import math
import os
import time
from typing import Any

import pytest

from watched import FakeCall, FakeEnvironment
from wetlands._tasks.events import Progress
from wetlands._view import answers as answering
from wetlands._view.answers import Answers
from wetlands.exceptions import DebuggerError, NotLaunchedError


def answers(*environments: FakeEnvironment) -> Answers:
    return Answers(lambda: environments)


def workers(*environments: FakeEnvironment) -> list[dict[str, Any]]:
    found: Any = answers(*environments)({"ask": "workers"})["environments"]
    return list(found)


def test_each_environment_with_workers_is_told_of() -> None:
    exited = FakeEnvironment("exited")
    exited.exit()
    found = workers(FakeEnvironment("cellpose", None, None, queued=3, starting=1), exited)

    idle = {"pid": os.getpid(), "state": "idle"}
    expected = {"environment": "cellpose", "queued": 3, "starting": 1}
    assert [{**expected, "workers": [{"index": 0, **idle}, {"index": 1, **idle}]}] == found


def test_a_busy_worker_says_what_it_runs_since_when_and_how_far_it_is() -> None:
    before = time.time()
    (found,) = workers(FakeEnvironment("cellpose", FakeCall()))[0]["workers"]

    assert before - 121 < found.pop("since") < time.time() - 119
    assert {
        "index": 0,
        "pid": os.getpid(),
        "state": "busy",
        "target": "segment:run",
        "task": "abc-1",
        "message": "third image",
        "current": 3,
        "maximum": 4,
    } == found


def test_long_messages_are_cut_and_none_is_none() -> None:
    calls = [FakeCall(progress=Progress("x" * 9999, math.inf, None)), FakeCall(progress=Progress())]
    long, none = workers(FakeEnvironment("cellpose", *calls))[0]["workers"]

    assert 500 == len(long["message"])
    assert (None, None, None) == (none["message"], none["current"], none["maximum"])


def test_stacks_are_asked_of_one_worker_or_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "all_stacks", lambda workers: {worker.index: "text" for worker in workers})
    ask = answers(FakeEnvironment("cellpose", None, None))

    assert {"stacks": {"0": "text", "1": "text"}} == ask({"ask": "stacks", "environment": "cellpose"})
    assert {"stacks": {"1": "text"}} == ask({"ask": "stacks", "environment": "cellpose", "worker": 1})
    assert {"stacks": {}} == ask({"ask": "stacks", "environment": "cellpose", "worker": 7})


def test_workers_are_stopped_and_debugged_by_their_environment() -> None:
    environment = FakeEnvironment("cellpose", None)
    ask = answers(FakeEnvironment("other", None), environment)
    endpoint = {"environment": "cellpose", "worker": 0, "pid": os.getpid(), "host": "127.0.0.1", "port": 5678}

    assert {"endpoints": [endpoint]} == ask({"ask": "debug", "environment": "cellpose"})
    environment.debugpy = False
    with pytest.raises(DebuggerError, match="needs debugpy"):
        ask({"ask": "debug", "environment": "cellpose"})
    assert {"killed": [os.getpid()]} == ask({"ask": "kill", "environment": "cellpose"})
    assert environment.running_pool is None
    with pytest.raises(NotLaunchedError, match="'cellpose' has no workers here"):
        ask({"ask": "kill", "environment": "cellpose"})


@pytest.mark.parametrize("question", [{}, {"ask": "tea"}, {"ask": "kill"}, {"ask": "kill", "environment": 3}])
def test_a_question_that_is_not_known_is_repeated(question: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not know the question"):
        answers()(question)
