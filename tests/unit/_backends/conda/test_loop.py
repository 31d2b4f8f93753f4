from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from wetlands._backends.conda import loop
from wetlands._backends.conda.loop import run
from wetlands.exceptions import ProvisioningCanceledError

if TYPE_CHECKING:
    from wetlands._backends.conda.loop import Tell


def engine_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "wetlands-conda-engine"]


def test_what_a_coroutine_tells_is_done_in_the_thread_of_the_caller() -> None:
    threads: list[str] = []

    async def work(tell: Tell) -> int:
        await asyncio.sleep(0)
        threads.append(threading.current_thread().name)
        tell(lambda observer: observer.output(threading.current_thread().name))
        return 7

    observer = RecordingObserver()

    assert 7 == run(work, observer)
    assert ["wetlands-conda-engine"] == threads
    assert [threading.current_thread().name] == observer.lines
    assert [] == engine_threads()


def test_an_error_of_the_coroutine_is_that_of_the_call() -> None:
    async def work(_tell: Tell) -> None:
        await asyncio.sleep(0)
        raise LookupError("x")

    with pytest.raises(LookupError):
        run(work, RecordingObserver())

    assert [] == engine_threads()


def test_a_cancelled_coroutine_has_cleaned_up_when_the_call_returns() -> None:
    ended: list[str] = []

    async def work(tell: Tell) -> None:
        tell(lambda observer: observer.output("begun"))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    with pytest.raises(ProvisioningCanceledError):
        run(work, RecordingObserver(stop_when=lambda seen: bool(seen.lines)))

    assert ["cleaned up"] == ended


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_of_the_observer_stops_the_coroutine(error: type[BaseException]) -> None:
    def fail(_seen: object) -> None:
        raise error

    async def work(tell: Tell) -> None:
        tell(fail)
        await asyncio.Event().wait()

    with pytest.raises(error):
        run(work, RecordingObserver())

    assert [] == engine_threads()


def test_two_calls_at_once_share_one_loop() -> None:
    together = threading.Barrier(2, timeout=10)
    loops: list[object] = []

    async def work(_tell: Tell) -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.to_thread(together.wait)

    callers = [threading.Thread(target=run, args=(work, RecordingObserver())) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)

    assert 2 == len(loops)
    assert loops[0] is loops[1]
    assert [] == engine_threads()


def test_a_second_interrupt_does_not_keep_the_coroutine_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[bool] = []

    async def work(tell: Tell) -> None:
        tell(lambda observer: observer.output("begun"))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            cleaned.append(True)

    def interrupted(job: loop._Job[None]) -> None:
        job._loop.call_soon_threadsafe(job._cancel)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop._Job, "stop", interrupted)

    with pytest.raises(KeyboardInterrupt):
        run(work, RecordingObserver(stop_when=lambda seen: seen.lines == ["begun"]))

    assert [True] == cleaned
    assert [] == engine_threads()
