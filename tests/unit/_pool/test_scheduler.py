"""How quickly lost workers are replaced, and when the scheduler gives up; its laws are in tests/property."""

from __future__ import annotations

from wetlands._pool.scheduler import RESTARTS, Dispatch, Fail, Phase, Scheduler, Spawn


def ready(size: int = 1) -> Scheduler[str]:
    scheduler: Scheduler[str] = Scheduler(size)
    for worker in range(size):
        assert [] == scheduler.ready(worker)
    return scheduler


def delays_until_broken(scheduler: Scheduler[str]) -> list[float]:
    delays: list[float] = []
    while scheduler.broken is None:
        delays.extend(action.delay for action in scheduler.died(0) if isinstance(action, Spawn))
        if scheduler.broken is None:
            scheduler.ready(0)
    return delays


def test_a_worker_that_died_is_replaced_at_once_and_then_ever_later() -> None:
    delays = delays_until_broken(ready())

    assert RESTARTS == len(delays)
    assert delays[0] == 0.0
    assert sorted(set(delays)) == delays


def test_a_pool_that_cannot_be_kept_alive_fails_what_waits_with_the_reason() -> None:
    scheduler: Scheduler[str] = Scheduler(1)
    assert [] == scheduler.submit("waiting")

    for _ in range(RESTARTS):
        assert [Spawn] == [type(action) for action in scheduler.spawn_failed(0, "no interpreter")]

    assert [Fail("waiting", "no interpreter")] == scheduler.spawn_failed(0, "no interpreter")
    assert [Fail("later", "no interpreter")] == scheduler.submit("later")
    assert "no interpreter" == scheduler.broken


def test_one_finished_call_makes_up_for_all_losses() -> None:
    scheduler = ready()
    for _ in range(100):
        assert [Spawn(0, 0.0)] == scheduler.died(0)
        scheduler.ready(0)
        assert [Dispatch(0, "call")] == scheduler.submit("call")
        scheduler.finished(0)


def test_a_worker_that_cannot_be_kept_alive_does_not_break_the_pool_while_another_works() -> None:
    scheduler = ready(2)
    scheduler.claim("busy")
    other = next(worker for worker in range(2) if scheduler.running(worker) is None)

    for _ in range(RESTARTS * 3):
        actions = scheduler.died(other)
        assert [Spawn] == [type(action) for action in actions]
        scheduler.ready(other)

    assert scheduler.broken is None


def test_calls_that_kill_their_workers_are_no_reason_to_wait_with_the_replacement() -> None:
    scheduler = ready()
    for _ in range(RESTARTS * 3):
        scheduler.claim("deadly")
        assert [Spawn(0, 0.0)] == scheduler.died(0)
        scheduler.ready(0)

    assert scheduler.broken is None


def test_workers_that_die_before_they_begin_their_call_are_replaced_ever_later() -> None:
    scheduler = ready()
    delays: list[float] = []
    scheduler.claim("call")
    for _ in range(5):
        delays.extend(action.delay for action in scheduler.died(0) if isinstance(action, Spawn))
        assert [] == scheduler.unsent(0, "call")
        assert [Dispatch(0, "call")] == scheduler.ready(0)

    assert sorted(delays) == delays
    assert 0.1 < delays[-1] <= 5.0


def test_the_worker_that_finished_last_is_used_first() -> None:
    scheduler = ready(3)
    first, second = scheduler.claim("first"), scheduler.claim("second")
    assert first is not None
    assert second is not None
    scheduler.finished(second)
    scheduler.finished(first)

    assert [Dispatch(first, "next")] == scheduler.submit("next")
    assert Phase.BUSY is scheduler.phase(first)


def test_a_call_that_was_not_begun_is_the_next_also_where_another_worker_is_started_for_it() -> None:
    scheduler: Scheduler[str] = Scheduler(3, least=1)
    scheduler.ready(0)
    scheduler.claim("first")
    assert [Spawn(1, 0.0)] == scheduler.submit("second")
    assert [Spawn(2, 0.0)] == scheduler.unsent(0, "first")

    assert [Dispatch(1, "first")] == scheduler.ready(1)
    assert [Dispatch(2, "second")] == scheduler.ready(2)
