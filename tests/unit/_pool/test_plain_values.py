"""A pool that takes plain values only, and workers that say what they like: nothing of theirs runs, and all goes on."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from fake_workers import HEAD, _Driver, a_pool, blocking, submitted
from pools import DEADLINE, eventually, in_thread
from wary_pools import BOMB, EVIL, RAN, Evil, a_wary_pool, ended, failure, the_pool_goes_on
from wetlands._pool.call import TaskCall, Work
from wetlands._pool.driver import PooledTask
from wetlands._pool.policy import Policy
from wetlands._pool.streaming import StreamCall, decoded
from wetlands._tasks.inbox import Inbox
from wetlands.exceptions import ExecutionException
from wetlands.stream import Stream
from wetlands.task import Task, TaskFailureCategory
from wetlands_worker import messages
from wetlands_worker.values import encode

if TYPE_CHECKING:
    from wetlands._pool.pool import Pool


@pytest.mark.parametrize(
    "body",
    [
        EVIL,
        pickle.dumps(Evil(), 0),
        b"",
        b"\x80\x05K\x01r\xff\xff\xff\xff.",
        b"\x80\x05}" + b")" + b"\x85" * 50_000 + b"Ns.",
    ],
)
def test_a_refused_result_fails_its_own_call_and_the_worker_goes_on(body: bytes) -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        workers[0].send(messages.RESULT, workers[0].begin(), body)

        category, message = failure(task)
        assert TaskFailureCategory.SERIALIZATION is category
        assert body != EVIL or "it holds wary_pools.run" in message
        the_pool_goes_on(pool, workers[0])


def test_a_pool_that_takes_everything_takes_that_too() -> None:
    """So that the other tests are known to be able to fail."""
    RAN.clear()
    with a_pool() as (pool, workers):
        task = submitted(pool)
        workers[0].send(messages.RESULT, workers[0].begin(), EVIL)
        assert [1, "it"] == task.wait_for(DEADLINE).result
    assert ["it"] == RAN


def test_a_blocking_call_raises_what_is_refused() -> None:
    with a_wary_pool() as (pool, workers):
        result = in_thread(lambda: ended(pool, blocking()))
        workers[0].send(messages.RESULT, workers[0].begin(), EVIL)
        with pytest.raises(ExecutionException, match="only plain values are accepted"):
            result()
        the_pool_goes_on(pool, workers[0])


def test_plain_results_and_arrays_arrive() -> None:
    with a_wary_pool() as (pool, workers):
        for value in (None, [1, {"a": (2.5, b"x")}], {1, 2}):
            task = submitted(pool)
            workers[0].answer(workers[0].begin(), value)
            assert value == task.wait_for(DEADLINE).result


def test_a_refused_output_fails_its_call_when_it_ends() -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        number = workers[0].begin()
        workers[0].say(messages.OUTPUT, number, ("fine", 1))
        workers[0].send(messages.OUTPUT, number, pickle.dumps(("key", Evil()), 5))
        workers[0].answer(number, 5)

        category, message = failure(task)
        assert (TaskFailureCategory.SERIALIZATION, True) == (category, "wary_pools.run" in message)
        assert {"fine": 1} == dict(task.outputs)
        the_pool_goes_on(pool, workers[0])


@pytest.mark.parametrize("kind", [messages.UPDATE, messages.OUTPUT, messages.LOG])
@pytest.mark.parametrize(
    "value", [BOMB, 5, None, (), (BOMB, BOMB), (BOMB, 1, 2), (1,), ("a", "b", "c"), {"a": 1}, "abc", ([], [], [])]
)
def test_reports_that_make_no_sense_do_no_harm(kind: int, value: object) -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        number = workers[0].begin()
        workers[0].say(kind, number, value)
        workers[0].send(kind, number, EVIL)
        workers[0].answer(number, 5)
        assert task.wait_for(DEADLINE).status.is_finished()
        the_pool_goes_on(pool, workers[0])


LINK: Any = ("m", "T", "m.T", "text", "", None, None, False)
for _ in range(60):
    LINK = ("m", "T", "m.T", "text", "", LINK, LINK, False)


@pytest.mark.parametrize(
    "plain",
    [
        5,
        (),
        BOMB,
        "failure",
        ("remote_exception", "text", None, (), None),
        ("no category", "text", None, (), None, None),
        ("unknown", BOMB, None, (), None, None),
        ("unknown", "text", BOMB, (), None, None),
        ("unknown", "text", None, BOMB, None, None),
        ("unknown", "text", None, (BOMB,), None, None),
        ("unknown", "text", None, (("f", "no number", "n", "l"),), None, None),
        ("unknown", "text", None, (), BOMB, None),
        ("unknown", "text", None, (), (1, 2, 3), None),
        ("unknown", "text", None, (), LINK, None),
        ("unknown", "text", None, (), None, BOMB),
    ],
    ids=lambda plain: type(plain).__name__,
)
def test_a_failure_that_makes_no_sense_is_a_failure(plain: object) -> None:
    with a_wary_pool() as (pool, workers):
        task = submitted(pool)
        workers[0].say(messages.FAILURE, workers[0].begin(), plain)
        assert TaskFailureCategory.UNKNOWN is failure(task)[0]
        task = submitted(pool)
        workers[0].send(messages.FAILURE, workers[0].begin(), EVIL)
        assert TaskFailureCategory.UNKNOWN is failure(task)[0]
        the_pool_goes_on(pool, workers[0])


def special(pool: Pool, kind: int, *, keep: bool = False, values: tuple[object, ...] = ((), {})) -> Task[object]:
    work = Work(kind, HEAD, "module:function", values, keep=keep)
    return Task(lambda task: _Driver(task, pool, work), "module:function").start()


@pytest.mark.parametrize(
    "value",
    [
        BOMB,
        5,
        {"a": 5},
        {"a": (1 << 40, [])},
        {"a": BOMB},
        {"a": (b"", BOMB)},
        {"a": (b"", [1 << 40])},
        {"a": (EVIL, [])},
    ],
)
def test_globals_of_a_script_are_read_one_by_one(value: object) -> None:
    with a_wary_pool() as (pool, workers):
        task = special(pool, messages.SCRIPT)
        workers[0].answer(workers[0].begin(), value)
        assert task.wait_for(DEADLINE).status.is_finished()

        task = special(pool, messages.SCRIPT)
        workers[0].answer(workers[0].begin(), {"good": (encode(5)[0], []), "evil": (EVIL, [])})
        assert {"good": 5} == task.wait_for(DEADLINE).result


@pytest.mark.parametrize("value", [BOMB, 5, (), (BOMB, None), ((1,), BOMB), ((1,), EVIL)])
def test_results_of_a_chunk_are_looked_at(value: object) -> None:
    with a_wary_pool() as (pool, workers):
        task = special(pool, messages.CHUNK)
        workers[0].answer(workers[0].begin(), value)
        assert task.wait_for(DEADLINE).status.is_finished()
        the_pool_goes_on(pool, workers[0])


def test_a_result_that_is_kept_is_looked_at_when_it_comes_and_when_it_is_read() -> None:
    with a_wary_pool() as (pool, workers):
        task = special(pool, messages.CALL, keep=True)
        workers[0].send(messages.RESULT, workers[0].begin(), EVIL)
        assert TaskFailureCategory.SERIALIZATION is failure(task)[0]

        task = special(pool, messages.CALL, keep=True)
        workers[0].answer(workers[0].begin(), [1, 2])
        reference: Any = task.wait_for(DEADLINE).result
        assert [1, 2] == reference.get()


def a_stream(pool: Pool, window: int) -> Stream[object]:
    inbox: Inbox[object] = Inbox(window)
    work = Work(messages.STREAM, HEAD, "module:function", ((), {}, window))
    task: Task[object] = Task(
        lambda task: PooledTask(task, lambda: work, pool, lambda work, task: StreamCall(work, task, inbox)),
        "module:function",
    )
    return Stream(task.start(), inbox, decoded)


def test_a_refused_item_fails_its_stream() -> None:
    with a_wary_pool() as (pool, workers):
        stream = a_stream(pool, 5)
        number = workers[0].begin()
        workers[0].say(messages.ITEM, number, 1)
        workers[0].send(messages.ITEM, number, EVIL)

        assert 1 == next(stream)
        with pytest.raises(ExecutionException, match="only plain values are accepted"):
            next(stream)
        workers[0].say(messages.CANCELED, number)
        stream.task.wait_for(DEADLINE)
        the_pool_goes_on(pool, workers[0])


def test_a_worker_that_sends_more_items_than_it_was_asked_for_is_given_up() -> None:
    with a_wary_pool() as (pool, workers):
        stream = a_stream(pool, 5)
        number = workers[0].begin()
        for item in range(7):
            workers[0].say(messages.ITEM, number, item)

        assert TaskFailureCategory.WORKER_DIED is failure(stream.task)[0]
        eventually(lambda: len(workers.all) == 2, "it is replaced")


def test_a_batch_is_read_as_its_calls_are() -> None:
    from wetlands._pool.batch import Batch, Pace

    with a_wary_pool() as (pool, workers):
        calls: list[TaskCall[object]] = [
            TaskCall(Work(messages.CALL, HEAD, "module:function", ((), {})), Task(_nothing, "f")) for _ in range(2)
        ]
        pool.submit(Batch(calls, pool.submit, Pace()))
        number = workers[0].receive()[1]
        workers[0].send(messages.RESULT, calls[0].number, EVIL)
        workers[0].send(messages.RESULT, calls[1].number, encode(5)[0])
        workers[0].answer(number, 2)
        tasks = [call._task for call in calls]
        assert TaskFailureCategory.SERIALIZATION is failure(tasks[0])[0]
        assert 5 == tasks[1].wait_for(DEADLINE).result


class _nothing:  # noqa: N801 - a driver that does nothing
    def __init__(self, task: object) -> None:
        pass

    def start(self) -> None:
        """See the class."""

    def cancel(self, force_after: float | None) -> None:
        """See the class."""

    def stack(self) -> str:
        return ""


def test_the_mode_is_named_any_or_plain() -> None:
    with pytest.raises(ValueError, match='accept is "any" or "plain", not \'all\''):
        Policy.checked(1, accept="all")
    assert ("any", "plain") == (Policy.checked(1).accept, Policy.checked(1, accept="plain").accept)
