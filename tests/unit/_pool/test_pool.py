"""The pool with workers that the test plays itself: who gets which call, and what becomes of calls of lost workers."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from fake_workers import a_pool, arguments, blocking, submitted
from pools import DEADLINE, eventually, in_thread
from wetlands._pool.policy import Policy
from wetlands.exceptions import ExecutionException, NotLaunchedError
from wetlands.task import TaskFailureCategory, TaskStatus
from wetlands_worker import messages

if TYPE_CHECKING:
    from fake_workers import FakeWorker
    from wetlands._pool.call import BlockingCall
    from wetlands._pool.pool import Pool
    from wetlands.task import Task


def run(pool: Pool, call: BlockingCall[object]) -> object:
    pool.run(call)
    return call.outcome()


def failure_of(task: Task[object]) -> tuple[TaskFailureCategory, str]:
    error = task.wait_for(DEADLINE).error
    assert error is not None, task
    return error.category, error.message


def test_a_call_goes_to_an_idle_worker_and_its_answer_to_the_caller() -> None:
    with a_pool() as (pool, workers):
        call = blocking("a")
        result = in_thread(lambda: run(pool, call))
        frame = workers[0].receive()
        workers[0].answer(frame[1], "answer")

        assert ("a",) == arguments(frame)
        assert "answer" == result()


def test_a_blocking_call_to_an_idle_worker_costs_one_send_one_read_and_no_thread() -> None:
    with a_pool() as (pool, workers):
        sends: list[int] = []
        reads: list[int] = []
        connection = workers[0].call
        send = connection._send
        receive_into = connection._recv_into

        def read(room: memoryview) -> int:
            reads.append(receive_into(room))
            return reads[-1]

        def counted(data: bytes) -> int:
            sends.append(len(data))
            return send(data)

        connection._send = counted  # type: ignore[assignment]  # it takes what is sent here
        connection.receive_by(read)
        for number in range(3):
            result = in_thread(lambda: run(pool, blocking(bytes(1000))))
            workers[0].echo()
            result()
            assert (number + 1, number + 1) == (len(sends), len(reads))

        assert pool.workers[0].reader is None


def test_queued_calls_run_in_the_order_in_which_they_came() -> None:
    with a_pool() as (pool, workers):
        tasks = [submitted(pool, number) for number in range(20)]
        for number in range(20):
            frame = workers[0].receive()
            assert (number,) == arguments(frame)
            workers[0].answer(frame[1], number)

        assert list(range(20)) == [task.wait_for(DEADLINE).result for task in tasks]


def test_blocking_calls_of_several_threads_run_at_the_same_time() -> None:
    with a_pool(2) as (pool, workers):
        results = [in_thread(lambda: run(pool, blocking())) for _ in range(2)]
        numbers = [worker.begin() for worker in workers.all]  # both have come, and none was answered yet
        for worker, number in zip(workers.all, numbers, strict=True):
            worker.answer(number, worker.index)

        assert {0, 1} == {result() for result in results}


def test_a_canceled_call_that_waits_is_never_sent() -> None:
    with a_pool() as (pool, workers):
        running, dropped, after = (submitted(pool, name) for name in ("running", "dropped", "after"))
        dropped.cancel()

        assert TaskStatus.CANCELED is dropped.status
        workers[0].echo()
        frame = workers[0].receive()
        assert ("after",) == arguments(frame)
        workers[0].answer(frame[1], None)
        running.wait_for(DEADLINE)
        after.wait_for(DEADLINE)


def test_a_running_call_is_canceled_on_the_control_connection() -> None:
    with a_pool() as (pool, workers):
        task = submitted(pool)
        number = workers[0].begin()
        task.cancel()

        assert (messages.CANCEL, number) == workers[0].control_frame()
        workers[0].say(messages.CANCELED, number)
        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status
        assert task.future.cancelled()


def test_only_the_call_that_a_lost_worker_was_running_fails() -> None:
    with a_pool() as (pool, workers):
        running, waiting = submitted(pool, "running"), submitted(pool, "waiting")
        workers[0].begin()
        workers[0].die()

        assert (TaskFailureCategory.WORKER_DIED, True) == (failure_of(running)[0], "SIGKILL" in failure_of(running)[1])
        eventually(lambda: len(workers.all) == 2, "a replacement")
        workers[1].echo()
        assert TaskStatus.COMPLETED is waiting.wait_for(DEADLINE).status


def test_a_call_that_a_lost_worker_had_not_come_to_runs_elsewhere_and_before_others() -> None:
    with a_pool() as (pool, workers):
        first, second = submitted(pool, "first"), submitted(pool, "second")
        workers[0].die()
        eventually(lambda: len(workers.all) == 2, "a replacement")

        for expected in ("first", "second"):
            frame = workers[1].receive()
            assert (expected,) == arguments(frame)
            workers[1].answer(frame[1], expected)
        assert ["first", "second"] == [task.wait_for(DEADLINE).result for task in (first, second)]


def test_a_call_that_no_worker_survives_fails_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands._pool.scheduler._FIRST_DELAY", 0.001)
    with a_pool() as (pool, workers):
        workers.prepare = lambda worker: worker.die()  # it dies before it comes to the call
        task = submitted(pool)
        workers[0].die()

        category, message = failure_of(task)
        assert (TaskFailureCategory.WORKER_DIED, True) == (category, "SIGKILL" in message)


def test_a_call_that_is_canceled_between_two_workers_does_not_run_on_the_second() -> None:
    with a_pool() as (pool, workers):
        task = submitted(pool, "unwanted")
        assert ("unwanted",) == arguments(workers[0].receive())
        task.cancel()
        workers[0].die()

        assert TaskStatus.CANCELED is task.wait_for(DEADLINE).status
        eventually(lambda: len(workers.all) == 2, "a replacement")
        after = submitted(pool, "after")
        frame = workers[1].receive()
        assert ("after",) == arguments(frame)
        workers[1].answer(frame[1], 1)
        after.wait_for(DEADLINE)


def test_a_worker_that_dies_idle_is_replaced() -> None:
    with a_pool() as (pool, workers):
        workers[0].die()
        eventually(lambda: len(workers.all) == 2, "a replacement")

        task = submitted(pool)
        workers[1].echo()
        assert TaskStatus.COMPLETED is task.wait_for(DEADLINE).status


def test_a_replacement_that_cannot_be_started_for_any_reason_breaks_the_pool_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wetlands._pool.scheduler._FIRST_DELAY", 0.001)
    with a_pool() as (pool, workers):
        attempts: list[int] = []

        def broken(worker: FakeWorker) -> None:
            worker.close()
            attempts.append(worker.index)
            raise ZeroDivisionError("in worker_env")

        workers.prepare = broken
        task = submitted(pool)
        workers[0].begin()
        workers[0].die()
        waiting = submitted(pool) if pool.broken is None else None

        assert TaskFailureCategory.WORKER_DIED is failure_of(task)[0]
        if waiting is not None:
            category, message = failure_of(waiting)
            assert (TaskFailureCategory.ENVIRONMENT, True) == (category, "ZeroDivisionError" in message)
        eventually(lambda: pool.broken, "the pool gives up")
        with pytest.raises(NotLaunchedError, match="ZeroDivisionError"):
            submitted(pool)
        assert 2 <= len(attempts) <= 10


def test_closing_drops_what_waits_fails_what_runs_and_refuses_what_comes() -> None:
    with a_pool() as (pool, workers):
        running, waiting = submitted(pool), submitted(pool)
        blocked = in_thread(lambda: run(pool, blocking()))
        workers[0].begin()
        eventually(lambda: pool._roster.scheduler.queued == 2, "both wait")
        pool.close()

        assert TaskFailureCategory.ENVIRONMENT is failure_of(running)[0]
        assert TaskStatus.CANCELED is waiting.wait_for(DEADLINE).status
        with pytest.raises(CancelledError):
            blocked()
        with pytest.raises(NotLaunchedError, match="exited"):
            submitted(pool)


def test_a_task_that_is_started_after_the_end_of_its_pool_fails() -> None:
    with a_pool() as (pool, _):
        pool.close()

        with pytest.raises(NotLaunchedError):
            run(pool, blocking())


def test_no_replacement_starts_after_the_pool_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, go_on = threading.Event(), threading.Event()
    with a_pool() as (pool, workers):

        def slow(_: FakeWorker) -> None:
            starting.set()
            assert go_on.wait(DEADLINE)

        workers.prepare = slow
        workers[0].die()
        assert starting.wait(DEADLINE)
        closing = in_thread(pool.close)
        eventually(pool._roster.closing.is_set, "closing")
        go_on.set()
        closing()

        assert (2, True, []) == (len(workers.all), workers[1].closed, list(pool.workers))


def test_frames_of_calls_that_have_ended_are_ignored() -> None:
    with a_pool() as (pool, workers):
        first = submitted(pool)
        number = workers[0].begin()
        workers[0].answer(number, "first")
        first.wait_for(DEADLINE)
        second = submitted(pool)
        following = workers[0].begin()
        for kind in (messages.UPDATE, messages.OUTPUT, messages.LOG, messages.RESULT, messages.FAILURE):
            workers[0].say(kind, number, ("late", "late", "late"))
        workers[0].answer(following, "second")

        assert ("first", "second") == (first.result, second.wait_for(DEADLINE).result)
        assert {} == dict(second.outputs)


def test_what_is_no_frame_costs_only_the_worker_that_said_it() -> None:
    with a_pool() as (pool, workers):
        task = submitted(pool)
        workers[0].begin()
        workers[0]._theirs.socket.sendall(b"\xff" * 4096)

        assert TaskFailureCategory.WORKER_DIED is failure_of(task)[0]
        eventually(lambda: len(workers.all) == 2, "a replacement")


@pytest.mark.parametrize("kind", [messages.RESULT, messages.FAILURE])
def test_an_answer_that_makes_no_sense_fails_its_call_alone(kind: int) -> None:
    with a_pool() as (pool, workers):
        task, after = submitted(pool), submitted(pool)
        number = workers[0].begin()
        workers[0]._theirs.send(kind, number, b"no pickle")
        workers[0].echo()

        assert failure_of(task)[0] in {TaskFailureCategory.SERIALIZATION, TaskFailureCategory.UNKNOWN}
        assert TaskStatus.COMPLETED is after.wait_for(DEADLINE).status


def test_a_report_that_makes_no_sense_harms_nobody() -> None:
    with a_pool() as (pool, workers):
        task = submitted(pool)
        number = workers[0].begin()
        for kind in (messages.UPDATE, messages.OUTPUT, messages.LOG):
            workers[0]._theirs.send(kind, number, b"no pickle")
            workers[0].say(kind, number, "no tuple")
        workers[0].answer(number, 1)

        assert 1 == task.wait_for(DEADLINE).result


def test_a_failed_launch_lets_go_of_everything() -> None:
    started: list[FakeWorker] = []

    def second_fails(worker: FakeWorker) -> None:
        started.append(worker)
        worker.greets = worker.index != 1

    from fake_workers import Workers
    from wetlands._pool.pool import Pool as RealPool
    from wetlands.exceptions import LaunchError

    workers = Workers()
    workers.prepare = second_fails
    pool = RealPool("tested", Policy(3, 3), start=workers.start, guardian=lambda: pytest.fail("too early"))
    with pytest.raises(LaunchError, match="died before it was ready"):
        pool.launch()

    assert [True] * 3 == [worker.closed for worker in started]


def test_failures_name_the_call_and_the_worker_but_never_the_arguments() -> None:
    with a_pool() as (pool, workers):
        call = blocking("s3cret")
        result = in_thread(lambda: run(pool, call))
        workers[0].begin()
        workers[0].die()
        with pytest.raises(ExecutionException) as caught:
            result()

        failure = caught.value.failure
        assert ("module:function", 9, 0) == (
            failure.call_target,
            failure.signal,
            failure.worker and failure.worker.index,
        )
        assert "s3cret" not in repr(failure)


def test_a_worn_worker_is_replaced_while_others_go_on() -> None:
    with a_pool(policy=Policy(2, 2, most_tasks=1)) as (pool, workers):
        first, second = submitted(pool), submitted(pool)
        used = next(worker for worker in workers.all if worker.index == 1)
        used.echo()
        eventually(lambda: len(workers.all) == 3, "the replacement is started")
        assert workers[2].index == used.index
        third = submitted(pool)
        workers[2].echo()
        assert third.wait_for(DEADLINE).status is TaskStatus.COMPLETED

        workers[0].echo()
        for task in (first, second):
            assert task.wait_for(DEADLINE).status is TaskStatus.COMPLETED
        assert 2 == pool.count
        eventually(lambda: used.closed, "nothing is left of it")


def test_a_worker_that_holds_too_much_answers_first(caplog: pytest.LogCaptureFixture) -> None:
    with a_pool(policy=Policy(most_memory=1_000_000)) as (pool, workers), caplog.at_level("INFO", "wetlands"):
        workers[0].holds = 2_000_000
        result = in_thread(lambda: run(pool, blocking()))
        workers[0].echo()
        result()
        eventually(lambda: workers[0].closed, "it is replaced")
    expected = f"Worker 0 pid {workers[0].pid} is stopped: it holds 2 MB (max_memory: 1 MB)"
    assert [expected] == [record.getMessage() for record in caplog.records if "stopped" in record.getMessage()]
    assert "died" not in caplog.text


def test_the_last_worker_that_is_kept_does_not_go_however_idle() -> None:
    with a_pool(policy=Policy(2, 1, idle_timeout=0.02)) as (pool, workers):
        tasks = [submitted(pool), submitted(pool)]
        eventually(lambda: len(pool.workers) == 2, "the second has begun")
        workers[0].echo()
        workers[1].echo()
        for task in tasks:
            task.wait_for(DEADLINE)
        eventually(lambda: pool.count == 1, "one goes")
        eventually(lambda: sum(worker.closed for worker in workers.all) == 1, "one has gone")
        with pytest.raises(AssertionError, match="not within"):
            eventually(lambda: pool.count == 0, "the other goes", timeout=0.2)
