"""Who has workers in an instance, and what these do: all are asked at the same time, and nobody is waited for long."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from wetlands._platform.process import is_alive
from wetlands._store.keys import auth_key
from wetlands._store.parties import known_parties
from wetlands.exceptions import StateError
from wetlands_worker.looking import NoAnswerError, RefusedError, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wetlands._store.parties import Party

__all__ = ["Answer", "SeenEnvironment", "SeenWorker", "ask_about", "ask_all", "survey"]

ANSWER_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
"""The same for a question that matters more: a program in native code may need a moment."""

State = Literal["idle", "busy", "unknown"]


@dataclass(frozen=True)
class SeenWorker:
    """A worker, as the process says that has it.

    Attributes:
        index: Its place in the pool.
        pid: Its process.
        state: ``"unknown"`` when nobody who knows answers.
        target: What it runs.
        task: The id of that task.
        since: When that began, in seconds since the epoch.
        message: What the task says it does.
        current: How much of it is done.
        maximum: How much there is to do.
        kept: How many results it keeps for a program to come.
    """

    index: int
    pid: int
    state: State = "unknown"
    target: str | None = None
    task: str | None = None
    since: float | None = None
    message: str | None = None
    current: float | None = None
    maximum: float | None = None
    kept: int = 0


@dataclass(frozen=True)
class SeenEnvironment:
    """The workers of one environment in one process.

    Attributes:
        environment: Its name.
        party: Who has them.
        workers: By index.
        queued: How many calls wait.
        starting: How many workers are being started.
        problem: Why nothing is known but what was written down; None: all is well.
    """

    environment: str
    party: Party
    workers: tuple[SeenWorker, ...] = ()
    queued: int = 0
    starting: int = 0
    problem: str | None = None


@dataclass
class Answer:
    """What became of a question to one process.

    Attributes:
        party: Whom it was.
        value: What it answered, or None.
        problem: Why there is no answer, or why it refuses.
        refused: Whether it has answered that it cannot be done.
    """

    party: Party
    value: dict[str, Any] | None = None  # Any: JSON
    problem: str = field(default="its process is gone")
    refused: bool = False


def ask_all(
    root: Path,
    parties: Sequence[Party],
    question: Mapping[str, object],
    seconds: float,
    *,
    put: Callable[..., dict[str, Any]] = ask,  # Any: JSON
) -> list[Answer]:
    """Ask several processes the same, at the same time.

    Args:
        root: The instance folder.
        parties: Whom.
        question: See `wetlands_worker.looking`.
        seconds: How long to wait for the answers.
        put: Asks one.

    Returns:
        One for each, in their order.

    Raises:
        OSError: The folder of the instance is not this user's to read.
    """
    answers = [Answer(party) for party in parties]
    if not parties:
        return answers
    try:
        _, key = auth_key(root)
    except StateError as error:
        for answer in answers:
            answer.problem = str(error).rstrip(".")
        return answers

    def inquire(answer: Answer) -> None:
        try:
            answer.value = put(answer.party.address, key, dict(question), seconds)
        except RefusedError as error:
            answer.problem, answer.refused = str(error), True
        except NoAnswerError as error:
            answer.problem = str(error)

    living = [answer for answer in answers if answer.party.alive]
    threads = [threading.Thread(target=inquire, args=(answer,), name="wetlands-ask") for answer in living]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def survey(root: Path, seconds: float = ANSWER_SECONDS) -> list[SeenEnvironment]:
    """Find out who has workers now, and what these do.

    A persistent worker is shown once: with the program that has it, which knows more of it than its keeper.

    Args:
        root: The instance folder.
        seconds: How long to wait for those who do not answer.

    Raises:
        OSError: The folder of the instance is not this user's to read.
    """
    answers = ask_all(root, known_parties(root), {"ask": "workers"}, seconds)
    seen = [environment for answer in answers for environment in _seen(answer)]
    return sorted(_told_once(seen), key=lambda environment: (environment.environment, environment.party.since))


def ask_about(root: Path, name: str, question: Mapping[str, object], seconds: float) -> list[Answer]:
    """Ask all who have workers of an environment, and tell of those that may have some and do not answer.

    Args:
        root: The instance folder.
        name: The environment.
        question: See `wetlands_worker.looking`; the name is added.
        seconds: How long to wait for the answers of those that are there.

    Raises:
        OSError: The folder of the instance is not this user's to read.
    """
    found = {seen.party.process: seen for seen in survey(root, PATIENCE_SECONDS) if seen.environment in {name, ""}}
    silent = [Answer(seen.party, problem=seen.problem) for seen in found.values() if seen.problem is not None]
    there = [seen.party for seen in found.values() if seen.problem is None]
    return [*ask_all(root, there, {**question, "environment": name}, seconds), *silent]


def _told_once(seen: Sequence[SeenEnvironment]) -> list[SeenEnvironment]:
    """Each worker as somebody says who knows most of it: programs that answer, then keepers, then notes."""
    found: list[SeenEnvironment] = []
    told: set[int] = set()
    for environment in sorted(seen, key=_ignorance):
        workers = tuple(worker for worker in environment.workers if worker.pid not in told)
        told.update(worker.pid for worker in workers)
        if workers or not environment.workers or environment.problem is not None:
            found.append(replace(environment, workers=workers))
    return found


def _ignorance(environment: SeenEnvironment) -> tuple[bool, bool]:
    return environment.problem is not None, environment.party.kind == "keeper"


def _seen(answer: Answer) -> list[SeenEnvironment]:
    """What a process has, by its answer, or else by what it has written down."""
    if answer.value is not None:
        try:
            return [_environment(answer.party, told) for told in answer.value["environments"]]
        except (KeyError, TypeError, ValueError) as error:
            answer.problem = f"what it answered cannot be read: {type(error).__name__} {error}"
    party = answer.party
    noted: dict[str, list[SeenWorker]] = {}
    for worker in party.workers:
        if is_alive(worker.process):
            noted.setdefault(worker.environment, []).append(SeenWorker(worker.index, worker.process.pid))
    return [
        SeenEnvironment(name, party, tuple(workers), problem=answer.problem) for name, workers in noted.items()
    ] or [SeenEnvironment("" if party.kind == "program" else party.program, party, problem=answer.problem)]


def _environment(party: Party, told: dict[str, Any]) -> SeenEnvironment:  # Any: JSON
    return SeenEnvironment(
        environment=str(told["environment"]),
        party=party,
        workers=tuple(_worker(worker) for worker in told["workers"]),
        queued=int(told.get("queued") or 0),
        starting=int(told.get("starting") or 0),
    )


def _worker(told: dict[str, Any]) -> SeenWorker:  # Any: JSON
    def text(name: str) -> str | None:
        value = told.get(name)
        return None if value is None else str(value)

    def number(name: str) -> float | None:
        value = told.get(name)
        return value if isinstance(value, int | float) else None

    state = told.get("state")
    return SeenWorker(
        index=int(told["index"]),
        pid=int(told["pid"]),
        state=state if state in {"idle", "busy"} else "unknown",
        target=text("target"),
        task=text("task"),
        since=number("since"),
        message=text("message"),
        current=number("current"),
        maximum=number("maximum"),
        kept=len(told.get("kept") or ()),
    )
