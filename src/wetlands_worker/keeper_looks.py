"""What a keeper answers to those who look at its workers; the table is in `looking`.

While a program has the workers, it knows what they run, and answers for itself: the keeper says who it is. The question
``debug`` needs two more fields here: ``folder``, of a debugpy, and ``python``, an interpreter for its adapter.
"""

import os
import threading

from wetlands_worker import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from wetlands_worker.keeper import Keeper
    from wetlands_worker.keeper_worker import KeptWorker

__all__ = ["answer"]

_PATIENCE_SECONDS = 2.0
_DEBUGGER_SECONDS = 30.0


def answer(keeper: "Keeper", question: "Dict[str, Any]") -> "Dict[str, object]":  # Any: JSON
    """Answer one question.

    Raises:
        ValueError: It is not known here, or is about another environment.
        OSError: It cannot be done.
    """
    kind = question.get("ask")
    if kind == "workers":
        return {"environments": [_environment(keeper)]}
    if question.get("environment") != keeper.environment:
        problem = f"This keeper has the workers of {keeper.environment!r} alone."
        raise ValueError(problem)
    wanted = [worker for worker in keeper.workers() if question.get("worker") in (None, worker.index)]
    if kind == "stacks":
        return {"stacks": _stacks(wanted)}
    if kind == "debug":
        return {"endpoints": [_endpoint(keeper, worker, question) for worker in wanted]}
    if kind == "kill":
        pids = [worker.pid for worker in wanted]
        keeper.dismiss(wanted)
        return {"killed": pids}
    problem = f"This version of wetlands does not know the question {question}."
    raise ValueError(problem)


def label_of(head: bytes) -> str:
    """How people are told of a function, as the programs do it."""
    target, function = messages.unpack_target(head)
    name = os.path.splitext(os.path.basename(target))[0] if os.path.isabs(target) and function else target
    return f"{name}:{function}" if function else os.path.basename(target)


def _environment(keeper: "Keeper") -> "Dict[str, object]":
    program = keeper.program
    return {
        "environment": keeper.environment,
        "queued": 0,
        "starting": 0,
        "program": None if program is None else {"pid": program.pid, "name": program.name, "since": program.since},
        "workers": [_worker(worker, attached=program is not None) for worker in keeper.workers()],
    }


def _worker(worker: "KeptWorker", *, attached: bool) -> "Dict[str, object]":
    seen: "Dict[str, object]" = {"index": worker.index, "pid": worker.pid}
    if attached:
        return {**seen, "state": "attached"}
    running, kept = worker.state or (None, ())
    task, head = running or (None, None)
    return {
        **seen,
        "state": "busy" if worker.busy else "idle",
        "target": None if head is None else label_of(head),
        "task": task,
        "kept": [{"task": of, "target": label_of(what), "seconds": left} for of, what, left in kept],
    }


def _stacks(workers: "Sequence[KeptWorker]") -> "Dict[str, str]":
    found: "Dict[str, str]" = {}

    def look(worker: "KeptWorker") -> None:
        stacks = worker.ask(("stacks",), _PATIENCE_SECONDS)
        found[str(worker.index)] = (
            f"No stack: worker {worker.index} pid {worker.pid} does not answer, as in native code."
            if stacks is None
            else "\n".join(line for stack in stacks[0] for line in _rendered(*stack))
        )

    threads = [threading.Thread(target=look, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _rendered(name: str, is_main: bool, frames: "Sequence[Sequence[Any]]") -> "List[str]":  # noqa: FBT001 - as the worker tells it
    who = "main thread" if is_main else f"thread {name!r}"
    lines = [f"Stack of the {who} (most recent call last):"]
    for path, number, function, text in frames:
        lines.append(f'  File "{path}", line {number}, in {function}')
        if text:
            lines.append(f"    {text}")
    return lines if frames else [*lines, "  (no task runs)"]


def _endpoint(keeper: "Keeper", worker: "KeptWorker", question: "Dict[str, Any]") -> "Dict[str, object]":
    folder, python = question.get("folder"), question.get("python")
    if not folder or not python:
        problem = "To debug persistent workers, the question has to name a folder of debugpy, and a python."
        raise ValueError(problem)
    found = worker.ask(("debug", folder, python), _DEBUGGER_SECONDS)
    host, port, problem = found[0] if found is not None else ("", 0, "it does not answer, as in native code")
    if problem is not None:
        message = f"No debugger in worker {worker.index} of {keeper.environment} (pid {worker.pid}): {problem}."
        raise ValueError(message)
    return {
        "environment": keeper.environment,
        "worker": worker.index,
        "pid": worker.pid,
        "host": host,
        "port": port,
    }
