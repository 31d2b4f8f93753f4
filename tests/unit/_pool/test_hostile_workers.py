"""Workers that send frames as they like to a pool that takes plain values only: nothing hangs, and all goes on."""

from __future__ import annotations

import os
import pickle
import threading

import pytest

from fake_workers import HEAD, blocking, submitted
from pools import DEADLINE, eventually, in_thread
from wary_pools import BOMB, EVIL, a_wary_pool, ended, failure, the_pool_goes_on
from wetlands._pool.call import BlockingCall, Work
from wetlands._pool.stacks import ask_stacks
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory
from wetlands_worker import messages
from wetlands_worker.values import encode


def test_arguments_of_callbacks_are_looked_at() -> None:
    called: list[object] = []
    with a_wary_pool() as (pool, workers):
        worker = workers[0]
        task = submitted(pool, called.append)
        number = worker.begin()
        callback = 1
        for body in (EVIL, pickle.dumps((BOMB, {}), 5), pickle.dumps(((1,), BOMB), 5), pickle.dumps(5, 5), b""):
            for which in range(40):  # one of these is its number
                head = callback.to_bytes(8, "little") + which.to_bytes(8, "little") + b"\x00"
                worker.send(messages.CALLBACK, number, head + body)
                worker.theirs_control.socket.settimeout(DEADLINE)
                answer = worker.theirs_control.receive()
                assert answer is not None
                assert (messages.CALLED, 1) == (answer[0], answer[2][8])
        worker.answer(number, 5)
        assert 5 == task.wait_for(DEADLINE).result
        the_pool_goes_on(pool, worker)
    assert [] == called


def test_a_callback_without_a_head_ends_its_worker() -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool, lambda: None)
        number = workers[0].begin()
        workers[0].send(messages.CALLBACK, number, b"short")
        assert TaskFailureCategory.WORKER_DIED is failure(task)[0]


@pytest.mark.parametrize("kind", [*range(14), *range(32, 42), 60, 61, *range(64, 70), 200, 255])
def test_frames_of_every_kind_and_number_do_no_harm(kind: int) -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        number = workers[0].begin()
        for of in (0, number, number + 1, (1 << 32) - 1):
            for body in (b"", b"x", EVIL, os.urandom(200)):
                if kind not in {messages.RESULT, messages.FAILURE, messages.CANCELED} or of != number:
                    workers[0].send(kind, of, body if kind != messages.RETURNED else body[: len(body) // 8 * 8])
        workers[0].answer(number, 5)
        assert task.wait_for(DEADLINE).status.is_finished()


@pytest.mark.parametrize("kind", [messages.RECALLED, messages.STACKS, messages.DEBUGGER, messages.PONG, 0, 255])
def test_what_comes_unasked_on_the_control_connection_does_no_harm(kind: int) -> None:
    with a_wary_pool() as (pool, workers):
        for body in (b"", EVIL, encode(BOMB)[0], encode(5)[0]):
            for number in (0, 1, 1 << 31):
                workers[0].theirs_control.send(kind, number, body)
        the_pool_goes_on(pool, workers[0])


def test_half_a_frame_on_the_control_connection_holds_up_nobody() -> None:
    with a_wary_pool(2) as (pool, workers):
        workers[0].theirs_control.socket.sendall(b"\x25\x00\x00")
        call = BlockingCall[object](Work(messages.CALL, HEAD, "module:function", ((), {}), timeout=0.2))
        other = in_thread(lambda: ended(pool, call))
        with pytest.raises(ExecutionException, match="timed out"):  # the monitor still looks at the clock
            other()


def test_a_flood_on_the_control_connection_ends_its_worker() -> None:
    with a_wary_pool() as (pool, workers):
        frame = bytes((messages.PONG, 0, 0, 0)) + bytes(12)

        def flood() -> None:
            try:
                while True:
                    workers[0].theirs_control.socket.sendall(frame * 1000)
            except OSError:
                return

        thread = threading.Thread(target=flood)
        thread.start()
        eventually(lambda: len(workers.all) == 2, "it is replaced")
        thread.join(DEADLINE)
        assert not thread.is_alive()
        result = in_thread(lambda: ended(pool, blocking("next")))
        workers[1].echo()
        assert isinstance(result(), int)


@pytest.mark.parametrize(
    "answer",
    [
        EVIL,
        b"",
        encode(BOMB)[0],
        encode((BOMB,))[0],
        encode((("a", True, BOMB),))[0],
        encode(((1, True, ()),))[0],
        encode(5)[0],
    ],
)
def test_stacks_that_make_no_sense_are_none(answer: bytes) -> None:
    with a_wary_pool() as (pool, workers):
        asked = in_thread(lambda: ask_stacks(pool.workers[0], DEADLINE))
        kind, number = workers[0].control_frame()
        assert messages.STACK == kind
        workers[0].theirs_control.send(messages.STACKS, number, answer)
        assert () == asked()


@pytest.mark.parametrize("count", [1, 65_535])
def test_bytes_that_are_no_frame_end_the_worker_and_the_call_fails(count: int) -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        workers[0].begin()
        header = bytes((messages.RESULT, 0)) + count.to_bytes(2, "little") + bytes(12)
        workers[0].send_bytes(header + b"\xff" * 8)
        assert TaskFailureCategory.WORKER_DIED is failure(task)[0]
