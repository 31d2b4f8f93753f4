"""A task in an event loop: awaiting it, its events, and waits that are given up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pools import DEADLINE, in_thread
from tasks import FAILURE, FakeDriver, a_task, at_once, running
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskStatus


def test_awaiting_gives_the_result_or_raises_what_happened() -> None:
    good, bad, dropped = running(), running(), a_task()
    good._complete(1)
    bad._fail(FAILURE)
    dropped.cancel()

    async def main() -> None:
        assert 1 == await good
        with pytest.raises(ExecutionException) as caught:
            await bad
        assert bad.exception is caught.value
        with pytest.raises(asyncio.CancelledError):
            await dropped

    asyncio.run(main())


def test_a_wait_of_asyncio_that_times_out_cancels_its_task_and_harms_no_other() -> None:
    driver = FakeDriver()
    slow, next_one = running(driver), running()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(slow, 0.001)
        asyncio.get_running_loop().call_soon(next_one._complete, "next")
        assert "next" == await asyncio.wait_for(next_one, DEADLINE)
        slow._complete("late")
        assert "late" == await slow

    asyncio.run(main())

    assert (1, True) == (driver.cancels, slow.future.done())


def test_several_waiters_of_one_task_get_the_same_result() -> None:
    task = running()

    async def main() -> list[object]:
        async def one() -> object:
            return await task

        waiters = [asyncio.create_task(one()) for _ in range(5)]
        threading.Thread(target=task._complete, args=("same",)).start()
        return await asyncio.wait_for(asyncio.gather(*waiters), DEADLINE)

    assert ["same"] * 5 == asyncio.run(main())


def test_leaving_async_with_early_cancels_and_waits() -> None:
    driver = FakeDriver()
    task = running(driver)
    driver.on_cancel = lambda: in_thread(task._settle_canceled)

    async def main() -> None:
        async with task:
            pass

    asyncio.run(asyncio.wait_for(main(), DEADLINE))

    assert TaskStatus.CANCELED is task.status


def test_events_end_with_the_end_of_the_task_and_carry_its_progress() -> None:
    task = running()

    async def main() -> list[tuple[str, str | None]]:
        return [(event.type.name, event.message) async for event in task.events()]

    async def both() -> list[tuple[str, str | None]]:
        listening = asyncio.create_task(main())
        await asyncio.sleep(0)
        for step in range(3):
            task._set_progress(f"step {step}", None, None)
        task._complete(None)
        return await asyncio.wait_for(listening, DEADLINE)

    expected = [("UPDATE", "step 0"), ("UPDATE", "step 1"), ("UPDATE", "step 2"), ("COMPLETION", "step 2")]
    assert expected == asyncio.run(both())


def test_a_loop_that_was_closed_meanwhile_does_not_disturb_the_end_of_a_task() -> None:
    task = running()

    async def give_up() -> None:
        waiting = asyncio.ensure_future(task._awaited())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(give_up())
    task._complete(1)

    assert 1 == task.result


def test_iterating_over_events_starts_a_task_that_nobody_has_started() -> None:
    driver = FakeDriver()
    task = a_task(driver)
    driver.on_start = at_once(task, 7)

    async def listen() -> list[str]:
        return [event.type.name async for event in task.events()]

    assert ["STARTED", "COMPLETION"] == asyncio.run(asyncio.wait_for(listen(), DEADLINE))
