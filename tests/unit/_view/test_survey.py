from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wetlands._platform.process import ProcessIdentity, identify
from wetlands._store.parties import Party, WorkerNote
from wetlands._view import survey as surveying
from wetlands._view.survey import SeenEnvironment, SeenWorker, ask_about, ask_all, survey
from wetlands_worker.looking import NoAnswerError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

HERE = identify(os.getpid()) or ProcessIdentity(os.getpid(), 0.0)
GONE = ProcessIdentity(HERE.pid, HERE.started - 1000)
PROGRAM = Party("program", HERE, "a.py", "unix:/a", 2, 1.0, (WorkerNote("cellpose", 0, HERE),))
OTHER = Party("program", replace(HERE, started=1.0), "b.py", "unix:/b", 2, 2.0, ())
KEEPER = Party("keeper", replace(HERE, started=2.0), "cellpose", "unix:/k", 2, 0.5, ())

Replies = dict[str, Any]


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> Replies:
    """What is answered at each address; an exception is raised."""
    found: Replies = {}

    def put(address: str, _key: bytes, _question: dict[str, Any], _seconds: float) -> dict[str, Any]:
        reply = found[address]
        if isinstance(reply, Exception):
            raise reply
        return dict(reply)

    monkeypatch.setattr(surveying, "known_parties", lambda _root: [KEEPER, PROGRAM, OTHER][: len(found)])
    monkeypatch.setattr(ask_all, "__kwdefaults__", {"put": put})
    return found


def told(environment: str, *pids: int) -> dict[str, Any]:
    workers = [{"index": index, "pid": pid, "state": "idle"} for index, pid in enumerate(pids)]
    return {"environments": [{"environment": environment, "queued": 1, "workers": workers}]}


def test_what_everybody_says_is_put_together_by_environment(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": told("zebra", 1), "unix:/a": told("cellpose", 2), "unix:/b": told("cellpose", 3)})

    assert [("cellpose", "a.py", 2), ("cellpose", "b.py", 3), ("zebra", "cellpose", 1)] == [
        (seen.environment, seen.party.program, seen.workers[0].pid) for seen in survey(tmp_path)
    ]


def test_a_persistent_worker_that_a_program_has_is_shown_once(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": told("cellpose", 2, 3), "unix:/a": told("cellpose", 2, 3)})
    assert ["program"] == [seen.party.kind for seen in survey(tmp_path)]

    replies["unix:/a"] = told("cellpose", 2)
    assert [("keeper", [3]), ("program", [2])] == [
        (seen.party.kind, [worker.pid for worker in seen.workers]) for seen in survey(tmp_path)
    ]


def test_a_keeper_knows_more_than_the_note_of_a_program_that_does_not_answer(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": told("cellpose", HERE.pid), "unix:/a": NoAnswerError("late")})
    keeper, program = survey(tmp_path)

    assert ("keeper", "idle", None) == (keeper.party.kind, keeper.workers[0].state, keeper.problem)
    assert ("program", (), "late") == (program.party.kind, program.workers, program.problem)


def test_of_who_does_not_answer_it_is_known_what_was_written_down(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": told("zebra"), "unix:/a": NoAnswerError("late"), "unix:/b": NoAnswerError("gone")})
    nameless, cellpose, zebra = survey(tmp_path)

    assert ("zebra", None) == (zebra.environment, zebra.problem)
    assert SeenEnvironment("", OTHER, problem="gone") == nameless
    assert SeenEnvironment("cellpose", PROGRAM, (SeenWorker(0, HERE.pid),), problem="late") == cellpose
    assert "unknown" == cellpose.workers[0].state


@pytest.mark.parametrize("junk", [{}, {"environments": 3}, {"environments": [{}]}, {"environments": [{"workers": 1}]}])
def test_an_answer_that_makes_no_sense_is_a_problem_of_that_process(
    tmp_path: Path, replies: Replies, junk: dict[str, Any]
) -> None:
    replies.update({"unix:/k": junk})
    (seen,) = survey(tmp_path)

    assert "cannot be read" in (seen.problem or "")


def test_fields_of_other_versions_are_ignored_and_missing_ones_unknown(tmp_path: Path, replies: Replies) -> None:
    worker = {"index": 0, "pid": 1, "state": "dreams", "maximum": "many", "dream": "sheep"}
    replies.update({"unix:/k": {"environments": [{"environment": "x", "workers": [worker]}]}})
    (seen,) = survey(tmp_path)

    assert (SeenWorker(0, 1, "unknown"),) == seen.workers


def test_who_is_dead_is_not_asked(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/a": told("cellpose")})
    (answer,) = ask_all(tmp_path, [replace(PROGRAM, process=GONE, alive=False)], {"ask": "workers"}, 1.0)

    assert (None, "its process is gone") == (answer.value, answer.problem)


def test_a_question_about_an_environment_goes_to_those_who_have_it(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": told("zebra", 1), "unix:/a": NoAnswerError("late"), "unix:/b": told("cellpose", 3)})
    there, silent = ask_about(tmp_path, "cellpose", {"ask": "stacks"}, 1.0)

    assert (OTHER, True) == (there.party, there.value is not None)
    assert (PROGRAM, None, "late") == (silent.party, silent.value, silent.problem)
    assert [KEEPER] == [answer.party for answer in ask_about(tmp_path, "zebra", {"ask": "stacks"}, 1.0)]


def test_a_refusal_is_told_apart_from_silence(tmp_path: Path, replies: Replies) -> None:
    replies.update({"unix:/k": RefusedError("no workers here")})
    (answer,) = ask_all(tmp_path, [KEEPER], {"ask": "kill"}, 1.0)

    assert (True, "no workers here") == (answer.refused, answer.problem)


def test_where_there_is_nobody_no_key_is_made(tmp_path: Path) -> None:
    assert [] == survey(tmp_path)
    assert [] == list(tmp_path.iterdir())
