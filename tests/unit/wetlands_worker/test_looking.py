"""Questions and answers about workers, over doors of this process."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from houses import KEY, short_folder
from pools import DEADLINE, in_thread
from wetlands_worker.doors import Door, reach
from wetlands_worker.frames import Connection
from wetlands_worker.looking import NoAnswerError, RefusedError, ask, serve_looks
from wetlands_worker.messages import LOOK, SEEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def answering(handle: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """The address of a door that does this with who comes."""
    with short_folder() as folder:
        door = Door.open(str(folder), "door", tcp=False)
        door.serve(KEY, handle)
        try:
            yield door.address
        finally:
            door.close()


def echoed(question: dict[str, Any]) -> dict[str, Any]:
    return {"asked": question, "text": "ü"}


def test_a_question_is_answered_as_json() -> None:
    with answering(lambda sock, _: serve_looks(sock, echoed)) as address:
        assert {"asked": {"ask": "workers"}, "text": "ü"} == ask(address, KEY, {"ask": "workers"}, DEADLINE)


def test_what_cannot_be_done_is_said_in_a_sentence() -> None:
    def fail(question: dict[str, Any]) -> dict[str, Any]:
        raise LookupError(f"no {question['ask']}")

    with answering(lambda sock, _: serve_looks(sock, fail)) as address:
        with pytest.raises(RefusedError, match="no tea"):
            ask(address, KEY, {"ask": "tea"}, DEADLINE)
        with pytest.raises(RefusedError, match="ask"):
            ask(address, KEY, {}, DEADLINE)


def test_many_questions_go_over_one_connection_and_junk_is_answered_too() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE)
    serving = in_thread(lambda: serve_looks(theirs, echoed))
    connection = Connection(ours)
    for number, body in enumerate((b'{"ask": 1}', b"[]", b"\x80\x05junk", b"")):
        connection.send(LOOK, number, body)
        frame = connection.receive()
        assert frame is not None
        assert (SEEN, number) == frame[:2]
        assert (number > 0) == (b'"error"' in frame[2])
    connection.close()
    serving()


def test_another_kind_of_frame_ends_the_connection() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE)
    serving = in_thread(lambda: serve_looks(theirs, echoed))
    connection = Connection(ours)
    connection.send(LOOK + 1, 1, b"{}")

    assert connection.receive() is None
    serving()
    connection.close()


def reply(kind: int, body: bytes) -> Callable[[socket.socket, bytes], None]:
    def handle(sock: socket.socket, _purpose: bytes) -> None:
        with sock:
            connection = Connection(sock)
            connection.receive()
            connection.send(kind, 1, body)

    return handle


@pytest.mark.parametrize(
    "handle, said",
    [
        (lambda sock, _: sock.close(), "closed the connection"),
        (reply(SEEN, b"\x80\x05junk"), "cannot be read"),
        (reply(SEEN, b"[]"), "cannot be read"),
        (reply(LOOK, b"{}"), "cannot be read"),
    ],
)
def test_an_answer_that_is_none_is_an_error(handle: Callable[[socket.socket, bytes], None], said: str) -> None:
    with answering(handle) as address, pytest.raises(NoAnswerError, match=said):
        ask(address, KEY, {"ask": "workers"}, DEADLINE)


def test_who_does_not_answer_is_waited_for_so_long_and_no_longer() -> None:
    def listen_only(sock: socket.socket, _purpose: bytes) -> None:
        with sock:
            while sock.recv(1 << 16):
                pass

    with answering(listen_only) as address, pytest.raises(NoAnswerError, match=r"did not answer within 0\.1 s"):
        ask(address, KEY, {"ask": "workers"}, 0.1)


def test_nobody_and_who_has_another_key_give_no_answer() -> None:
    with answering(lambda sock, _: serve_looks(sock, echoed)) as address:
        with pytest.raises(NoAnswerError, match="another key"):
            ask(address, bytes(32), {"ask": "workers"}, DEADLINE)
        with reach(address, KEY, b"look", DEADLINE):
            pass
    with pytest.raises(NoAnswerError, match="nobody can be reached"):
        ask(address, KEY, {"ask": "workers"}, DEADLINE)
