"""Large arguments are let through while there is room for them; small calls never wait."""

from __future__ import annotations

import os
import select
import threading
from concurrent.futures import CancelledError
from functools import partial
from typing import TYPE_CHECKING

import pytest

from exchanges import exchange_on
from fake_workers import HEAD, a_pool, blocking, submitted, work
from pools import DEADLINE, eventually, in_thread
from wetlands._launch.lending import lending
from wetlands._platform.segment import most_in_flight
from wetlands._pool.flow import Flow, flow, weight_of
from wetlands._pool.work import Work
from wetlands.task import TaskStatus
from wetlands_worker import messages
from wetlands_worker.frames import _HEADER
from wetlands_worker.room import share_of
from wetlands_worker.values import EncodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fake_workers import FakeWorker

LARGE = 100_000


def taker(workers: Iterable[FakeWorker]) -> FakeWorker:
    """The worker that a call comes to."""
    by_socket = {worker._theirs.socket: worker for worker in workers}
    readable = select.select(list(by_socket), [], [], DEADLINE)[0]
    assert len(readable) == 1, "no call came, or several"
    return by_socket[readable[0]]


def never() -> bool:
    return False


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Room for one large argument at a time."""
    monkeypatch.setattr(flow, "_limit", lambda: LARGE + LARGE // 2)
    yield
    assert {} == flow.held, "whoever has ended holds nothing"
    assert not flow._line


def test_what_fits_enters_at_once() -> None:
    tested = Flow(lambda: 10)

    assert [True, True, False] == [tested.enter("a", 6), tested.enter("b", 4), tested.enter("c", 1)]
    tested.leave("b")
    assert tested.enter("c", 1)
    assert {"a": 6, "c": 1} == tested.held


def test_what_is_alone_enters_in_any_case() -> None:
    assert Flow(lambda: 10).enter("a", 11)


def test_leaving_twice_changes_nothing() -> None:
    tested = Flow(lambda: 10)
    tested.enter("a", 6)
    tested.leave("a")
    tested.leave("a")

    assert {} == tested.held


def test_who_waits_enters_in_the_order_of_the_line() -> None:
    tested = Flow(lambda: 10)
    tested.enter("a", 10)
    entered: list[str] = []

    def wait(name: str, weight: int) -> None:
        tested.wait(name, weight, never)
        entered.append(name)

    large = in_thread(lambda: wait("large", 8))
    eventually(lambda: len(tested._line) == 1, "it waits")
    small = in_thread(lambda: wait("small", 4))
    eventually(lambda: len(tested._line) == 2, "it waits behind")

    assert not tested.enter("late", 1), "nobody overtakes"
    tested.leave("a")
    large()
    assert ["large"] == entered
    tested.leave("large")
    small()
    assert {"small": 4} == tested.held


def test_who_gives_up_lets_the_next_one_pass() -> None:
    tested = Flow(lambda: 10)
    tested.enter("a", 5)
    hopeless = threading.Event()
    first = in_thread(lambda: tested.wait("first", 8, hopeless.is_set))
    eventually(lambda: len(tested._line) == 1, "it waits")
    second = in_thread(lambda: tested.wait("second", 4, never))
    eventually(lambda: len(tested._line) == 2, "it waits behind")
    hopeless.set()
    tested.look()
    first()
    second()

    assert {"a": 5, "second": 4} == tested.held


def test_a_long_wait_is_told_once_with_what_is_on_its_way() -> None:
    tested = Flow(lambda: 10, patience=0.0)
    tested.enter("a", 6)
    tested.enter("b", 3)
    told: list[tuple[int, int]] = []
    waiting = in_thread(lambda: tested.wait("c", 4, never, lambda held, limit: told.append((held, limit))))
    eventually(lambda: told, "it is told")
    for _ in range(3):
        tested.look()
    tested.leave("b")
    tested.leave("a")
    waiting()

    assert [(9, 10)] == told


def test_who_gets_room_soon_is_not_told_of() -> None:
    tested = Flow(lambda: 10, patience=DEADLINE)
    tested.enter("a", 6)
    told: list[int] = []
    waiting = in_thread(lambda: tested.wait("b", 6, never, lambda held, _: told.append(held)))
    eventually(lambda: tested._line, "it waits")
    tested.leave("a")
    waiting()

    assert [] == told


def test_of_many_that_wait_not_all_are_told() -> None:
    tested = Flow(lambda: 10, patience=0.02)
    tested.enter("a", 10)
    told: list[int] = []
    names = list(map(str, range(5)))
    waiting = [in_thread(partial(tested.wait, name, 1, never, lambda held, _: told.append(held))) for name in names]
    eventually(lambda: told, "one of them is told")
    tested._told = float("inf")
    tested.leave("a")
    for wait in waiting:
        wait()

    assert 1 <= len(told) < len(names)


@pytest.mark.usefixtures("narrow")
def test_the_log_says_what_a_call_waits_for_and_what_says_how_much(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(flow, "_patience", 0.0)
    caplog.set_level("INFO", "wetlands")
    with a_pool(2) as (pool, workers):
        first = submitted(pool, bytearray(LARGE))
        busy = taker(workers.all)
        number = busy.begin()
        second = submitted(pool, bytearray(LARGE))
        eventually(lambda: caplog.records, "it is told")
        busy.answer(number, "first")
        assert "first" == first.wait_for(DEADLINE).result
        taker(workers.all).echo()
        second.wait_for(DEADLINE)

    (record,) = caplog.records
    assert ("INFO", second.id) == (record.levelname, record.task_id)  # type: ignore[attr-defined]  # one of ours
    assert (
        "module:function waits until there is room for its arrays, 100 kB: those of calls that run take 100 kB of the "
        "150 kB that may be on their way at a time (WETLANDS_SHARED_MEMORY says how much)"
    ) == record.getMessage()


def test_only_large_buffers_weigh_anything() -> None:
    buffers = [memoryview(bytes(LARGE)), memoryview(bytes(100)), object()]

    assert LARGE == weight_of(buffers, lambda: 1 << 40)
    assert 0 == weight_of(buffers, lambda: 0), "there is no shared memory"


def test_what_can_never_fit_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncodeError, match=r"take 100 kB of shared memory, and at most 99 kB may be.*SHARED_MEMORY"):
        weight_of([memoryview(bytes(LARGE))], lambda: LARGE - 1000)
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "70kB")
    with pytest.raises(EncodeError, match="at most 70 kB"):
        work(bytearray(LARGE))


@pytest.mark.usefixtures("narrow")
def test_a_large_call_waits_for_the_others_and_small_ones_do_not() -> None:
    with a_pool(2) as (pool, workers), a_pool() as (other, others):
        first = submitted(pool, bytearray(LARGE))
        busy = taker(workers.all)
        number = busy.begin()
        second = submitted(pool, bytearray(LARGE))
        eventually(lambda: flow._line, "it waits")
        small = submitted(other, "small")
        others[0].echo()

        assert small.wait_for(DEADLINE).status is TaskStatus.COMPLETED
        assert TaskStatus.RUNNING is not second.status
        busy.answer(number, "first")
        assert "first" == first.wait_for(DEADLINE).result
        taker(workers.all).echo()
        assert second.wait_for(DEADLINE).status is TaskStatus.COMPLETED


@pytest.mark.usefixtures("narrow")
def test_a_blocking_call_waits_as_well() -> None:
    with a_pool() as (pool, workers), a_pool() as (other, others):
        first = submitted(pool, bytearray(LARGE))
        number = workers[0].begin()
        call = blocking(bytearray(LARGE))
        second = in_thread(lambda: other.run(call))
        eventually(lambda: flow._line, "it waits")
        workers[0].answer(number, "first")
        first.wait_for(DEADLINE)
        others[0].echo()
        second()

        assert call.number == call.outcome()


@pytest.mark.usefixtures("narrow")
def test_calls_in_a_queue_go_on_one_after_the_other() -> None:
    with a_pool(2) as (pool, workers):
        tasks = [submitted(pool, bytearray(LARGE)) for _ in range(6)]
        for _ in range(6):
            taker(workers.all).echo()
        results = [task.wait_for(DEADLINE).status for task in tasks]

        assert [TaskStatus.COMPLETED] * 6 == results


@pytest.mark.usefixtures("narrow")
def test_a_call_that_waits_for_room_can_be_canceled() -> None:
    with a_pool(2) as (pool, workers):
        first = submitted(pool, bytearray(LARGE))
        busy = taker(workers.all)
        number = busy.begin()
        second = submitted(pool, bytearray(LARGE))
        eventually(lambda: flow._line, "it waits")
        second.cancel()
        with pytest.raises(CancelledError):
            second.future.result(DEADLINE)
        small = submitted(pool, "small")
        taker(workers.all).echo()

        assert small.wait_for(DEADLINE).status is TaskStatus.COMPLETED, "its worker is free"
        busy.answer(number, "first")
        assert "first" == first.wait_for(DEADLINE).result


@pytest.mark.usefixtures("narrow")
def test_the_room_of_a_worker_that_dies_is_free() -> None:
    with a_pool(2) as (pool, workers):
        first = submitted(pool, bytearray(LARGE))
        busy = taker(workers.all)
        busy.begin()
        second = submitted(pool, bytearray(LARGE))
        eventually(lambda: flow._line, "it waits")
        busy.die()
        assert first.wait_for(DEADLINE).error is not None
        taker(worker for worker in workers.all if worker is not busy).echo()

        assert second.wait_for(DEADLINE).status is TaskStatus.COMPLETED


@pytest.mark.usefixtures("narrow")
def test_a_call_whose_worker_dies_while_it_waits_runs_elsewhere() -> None:
    with a_pool(2) as (pool, workers):
        first = submitted(pool, bytearray(LARGE))
        busy = taker(workers.all)
        number = busy.begin()
        second = submitted(pool, bytearray(LARGE))
        eventually(lambda: flow._line, "it waits")
        idle = next(worker for worker in workers.all if worker is not busy)
        idle.die()
        eventually(lambda: len(workers.all) == 3, "another worker is started")
        busy.answer(number, "first")
        assert "first" == first.wait_for(DEADLINE).result
        taker(worker for worker in workers.all if worker is not idle).echo()

        assert second.wait_for(DEADLINE).status is TaskStatus.COMPLETED


@pytest.mark.usefixtures("narrow")
def test_a_pool_can_be_closed_while_a_call_waits() -> None:
    with a_pool() as (pool, workers):
        first = submitted(pool, bytearray(LARGE))
        number = workers[0].begin()
        with a_pool() as (other, _):
            second = submitted(other, bytearray(LARGE))
            eventually(lambda: flow._line, "it waits")
        assert second.wait_for(DEADLINE).status is not TaskStatus.COMPLETED
        workers[0].answer(number, "first")

        assert "first" == first.wait_for(DEADLINE).result


@pytest.mark.usefixtures("narrow")
def test_calls_that_may_depend_on_this_program_hold_nothing() -> None:
    """A callback may wait for another call with large arguments, and so may a loop over a stream."""
    with a_pool(2) as (pool, workers):
        outer = submitted(pool, bytearray(LARGE), lambda: None)
        busy = taker(workers.all)
        number = busy.begin()
        inner = submitted(pool, bytearray(LARGE))
        taker(workers.all).echo()
        assert inner.wait_for(DEADLINE).status is TaskStatus.COMPLETED
        busy.answer(number, None)

        assert outer.wait_for(DEADLINE).status is TaskStatus.COMPLETED
    assert Work(messages.STREAM, HEAD, "module:function", ((), {})).may_wait
    assert not work("plain").may_wait


# --- what workers lend ------------------------------------------------------------------------------------------------


def test_all_that_a_worker_asks_at_once_is_answered() -> None:
    """The second question came with the first, and nothing else tells the monitor of it."""
    descriptor = os.memfd_create("wetlands-tests")
    os.ftruncate(descriptor, 1 << 20)
    exchange = exchange_on(descriptor, upper=False, size=1 << 20)
    os.close(descriptor)
    amounts = (5).to_bytes(8, "little") + (7).to_bytes(8, "little")
    questions = [_HEADER.pack(messages.ASKED, 0, 0, number, len(amounts)) + amounts for number in (1, 2)]
    with a_pool() as (_, workers):
        before = lending.total()
        lending.join(exchange)
        workers[0].call.exchange = exchange
        workers[0].theirs_control.socket.sendall(b"".join(questions))
        answers = [workers[0].control_frame() for _ in questions]
        workers[0].call.exchange = None

        assert [(messages.GRANTED, 1), (messages.GRANTED, 2)] == answers
        assert before + share_of(most_in_flight()) + 2 * 7 == lending.total()
    lending.leave(exchange)
    exchange.close()
