"""Looking at workers from outside: small questions to the process that has them, and its answers.

A question is a LOOK frame with a JSON object, over a connection of the purpose ``look`` (see `doors`); the answer is a
SEEN frame of the same number, again a JSON object. Nothing of either is pickled. Both the program that launched
workers and the keeper of persistent ones answer:

| question | answer |
|---|---|
| ``{"ask": "workers"}`` | ``{"environments": [{"environment", "queued", "starting", "workers": [...]}]}`` |
| ``{"ask": "stacks", "environment": NAME}`` | ``{"stacks": {INDEX: TEXT}}`` |
| ``{"ask": "debug", "environment": NAME}`` | ``{"endpoints": [{"environment", "worker", "pid", "host", "port"}]}`` |
| ``{"ask": "kill", "environment": NAME}`` | ``{"killed": [PID]}``, when they have ended |
| what it does not know, or cannot do | ``{"error": SENTENCE}`` |

A worker is ``{"index", "pid", "state", "target", "task", "since", "message", "current", "maximum"}``: its state is
``"idle"`` or ``"busy"``; the rest is about the call that it runs, and None where that is not known. ``since`` is in
seconds since the epoch. For ``stacks``, ``"worker": INDEX`` asks for one alone. Who reads an answer ignores what it
does not know.
"""

import json
from time import monotonic

from wetlands_worker.doors import reach
from wetlands_worker.frames import BrokenFrameError, Connection
from wetlands_worker.handshake import HandshakeError
from wetlands_worker.messages import LOOK, SEEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Callable, Dict

    Answer = Callable[[Dict[str, Any]], Dict[str, Any]]  # Any: JSON

__all__ = ["PURPOSE", "NoAnswerError", "RefusedError", "ask", "serve_looks"]

PURPOSE = b"look"
_CLOSED = "it closed the connection instead of answering"


class NoAnswerError(Exception):
    """Nobody answered; the message says why."""


class RefusedError(Exception):
    """The answer is that it cannot be done; the message says why."""


def serve_looks(sock: "socket.socket", answer: "Answer") -> None:
    """Answer the questions of one client until it goes, and close the connection.

    Args:
        sock: A connection of the purpose ``look``.
        answer: What to answer; an error of it is the answer too, as a sentence.
    """
    connection = Connection(sock)
    try:
        while True:
            frame = connection.receive()
            if frame is None or frame[0] != LOOK:
                return
            connection.send(SEEN, frame[1], _answered(answer, bytes(frame[2])))
    except (OSError, BrokenFrameError, MemoryError):  # MemoryError: a frame of an absurd size was announced
        pass
    finally:
        connection.close()


def ask(address: str, key: bytes, question: "Dict[str, Any]", seconds: float) -> "Dict[str, Any]":
    """Ask one question, over a connection of its own.

    Args:
        address: Where the other side listens, see `wetlands_worker.doors`.
        key: The key of the instance.
        question: See the table above.
        seconds: How long to wait for the answer.

    Raises:
        NoAnswerError: None came in time, or nobody is there who has the key.
        RefusedError: It cannot be done.
    """
    deadline = monotonic() + seconds
    try:
        with reach(address, key, PURPOSE, seconds) as sock:
            sock.settimeout(max(0.001, deadline - monotonic()))
            connection = Connection(sock)
            connection.send(LOOK, 1, json.dumps(question).encode())
            frame = connection.receive()
    except HandshakeError as error:
        raise NoAnswerError(str(error)) from error
    except BrokenFrameError as error:
        message = f"what it answered is no frame: {error}"
        raise NoAnswerError(message) from error
    except OSError as error:
        late = error.errno is None  # as for the time-out of a socket, which was no TimeoutError before Python 3.10
        message = f"it did not answer within {seconds:g} s" if late else _CLOSED
        raise NoAnswerError(message) from error
    if frame is None:
        raise NoAnswerError(_CLOSED)
    return _read(frame[0], bytes(frame[2]))


def _answered(answer: "Answer", body: bytes) -> bytes:
    try:
        question: "Any" = json.loads(body)  # Any: JSON
        if not isinstance(question, dict):
            message = "a question is a JSON object"
            raise TypeError(message)  # noqa: TRY301 - told like all that is wrong with it
        answered = answer(question)
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
        answered = {"error": str(error) or type(error).__name__}
    return json.dumps(answered, default=str).encode()


def _read(kind: int, body: bytes) -> "Dict[str, Any]":
    try:
        answered: "Any" = json.loads(body)  # Any: JSON
    except ValueError:
        answered = None
    if kind != SEEN or not isinstance(answered, dict):
        message = "what it answered cannot be read"
        raise NoAnswerError(message)
    if "error" in answered:
        raise RefusedError(str(answered["error"]))
    return answered
