"""What is on its way to real workers is bounded, and a machine without memory fails one call alone."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from arrays import assert_same
from pools import DEADLINE, an_environment, eventually, pids, pool_of
from wetlands._launch.lending import lending
from wetlands._launch.warmth import warmth
from wetlands._pool.flow import flow
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory
from wetlands_worker.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment
    from wetlands_worker.exchange import Part, Staged
    from wetlands_worker.segments import Segment

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shared memory is there on Linux only")

MODULE = Path(__file__).with_name("array_functions.py")
MEGABYTE = 1 << 20


def taken(environments: Sequence[ExternalEnvironment]) -> int:
    """The bytes that this process lends to workers now."""
    exchanges = [
        worker.process.call.exchange for environment in environments for worker in pool_of(environment).workers
    ]
    return sum(exchange.zone.taken_bytes for exchange in exchanges if exchange is not None)


def test_no_more_than_the_limit_is_on_its_way_in_all_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "20MiB")
    stage = Exchange.stage
    most = 0
    with ExitStack() as stack:
        environments = [stack.enter_context(an_environment(max_workers=2, name=name)) for name in ("first", "second")]

        def staged(exchange: Exchange, buffers: Sequence[Part]) -> list[Staged]:
            nonlocal most
            result = stage(exchange, buffers)
            most = max(most, taken(environments))
            return result

        monkeypatch.setattr(Exchange, "stage", staged)
        arrays = [np.full(8 * MEGABYTE, number, "u1") for number in range(10)]
        tasks = [environment.submit(MODULE, "total", (array,)) for array in arrays for environment in environments]
        totals = [task.wait_for(DEADLINE).result for task in tasks]

    assert [8.0 * MEGABYTE * number for number in range(10) for _ in environments] == totals
    assert 8 * MEGABYTE <= most <= 20 * MEGABYTE
    assert {} == flow.held


def test_what_can_never_fit_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "8MiB")
    with an_environment() as environment:
        with pytest.raises(ExecutionException, match=r"take 9\.44 MB .* at most 8\.39 MB .*WETLANDS_SHARED") as caught:
            environment.execute(MODULE, "total", (np.ones(9 * MEGABYTE, "u1"),))
        assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
        assert 8.0 * MEGABYTE == environment.execute(MODULE, "total", (np.ones(8 * MEGABYTE, "u1"),))
        with environment.execute(MODULE, "ones", (MEGABYTE // 2,), keep=True) as ref:
            assert MEGABYTE / 2 == environment.execute(MODULE, "total", (ref,))


def test_without_shared_memory_arrays_cross_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")
    array = np.arange(MEGABYTE)
    with an_environment() as environment:
        assert pool_of(environment).workers[0].process.call.exchange is None
        assert_same(array, environment.execute(MODULE, "echo", (array,)))


# --- results of all workers ------------------------------------------------------------------------------------------


def on_shared_memory(array: Anything) -> bool:
    return "LeasedMemory" in type(array.base).__name__


def all_is_given_back() -> None:
    """It travels on two connections, and is processed by two threads."""
    eventually(lambda: lending.total() <= 8 * MEGABYTE, "the workers say what they do not need any more")


def test_the_results_of_all_workers_are_bounded_and_who_keeps_them_never_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "40MiB")
    with ExitStack() as stack:
        environments = [stack.enter_context(an_environment(max_workers=2, name=name)) for name in ("first", "second")]
        asked = [environment.submit(MODULE, "ones", (MEGABYTE,)) for environment in environments for _ in range(8)]
        kept = [asking.wait_for(DEADLINE).result for asking in asked]
        lent = [array for array in kept if on_shared_memory(array)]
        books = lending.total()

        assert 16 == len(kept)
        assert 1 <= len(lent) <= 5
        assert 8 * MEGABYTE * len(lent) <= books <= 40 * MEGABYTE
        assert all(MEGABYTE == cast("Anything", array).sum() for array in kept)
        del kept, lent, asked
        all_is_given_back()
        assert on_shared_memory(environments[0].execute(MODULE, "ones", (4 * MEGABYTE,))), "it is there for another"


def test_one_worker_may_lend_all_that_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "40MiB")
    with an_environment(max_workers=2) as environment:
        for _ in range(5):
            assert on_shared_memory(environment.execute(MODULE, "ones", (4 * MEGABYTE,)))
            all_is_given_back()
            assert not on_shared_memory(environment.execute(MODULE, "ones", (6 * MEGABYTE,)))


def test_the_results_of_a_worker_that_died_count_while_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "40MiB")
    with an_environment() as environment:
        kept = environment.execute(MODULE, "ones", (4 * MEGABYTE,))
        with pytest.raises(ExecutionException):
            environment.execute(MODULE, "while_it_has_the_argument", (1,))

        assert not on_shared_memory(environment.execute(MODULE, "ones", (4 * MEGABYTE,)))
        del kept
        all_is_given_back()
        assert on_shared_memory(environment.execute(MODULE, "ones", (4 * MEGABYTE,)))


def test_a_host_that_does_not_answer_gets_the_result_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "40MiB")
    monkeypatch.setattr("wetlands._pool.worker.Worker._lends", lambda *_: None)
    with an_environment() as environment:
        assert_same(np.ones(MEGABYTE), environment.execute(MODULE, "ones", (MEGABYTE,)))


def test_what_stays_warm_is_bounded_for_all_environments_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "160MiB")  # of which a quarter may stay warm
    array = np.ones(2 * MEGABYTE)
    before = warmth.total()
    with ExitStack() as stack:
        environments = [stack.enter_context(an_environment(name=name)) for name in ("first", "second", "third")]
        segments = [segment_of(environment) for environment in environments]
        for _ in range(2):
            for environment in environments:
                echo = environment.execute(MODULE, "echo", (array,))
                del echo
                environment.execute(MODULE, "total", (np.ones(1),))
            eventually(lambda: sum(map(used, segments)) <= 40 * MEGABYTE, "the longest unused gives its memory back")

        assert used(segments[-1]) >= 2 * array.nbytes, "the last one keeps its own"
        assert warmth.total() - before <= 40 * MEGABYTE
    assert before == warmth.total()


def segment_of(environment: ExternalEnvironment) -> Segment:
    exchange = pool_of(environment).workers[0].process.call.exchange
    assert exchange is not None
    return exchange.segment


def used(segment: Segment) -> int:
    """How much memory the system has given it."""
    return os.fstat(segment.descriptor).st_blocks * 512


# --- no memory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM])
def test_where_no_shared_memory_can_be_had_an_argument_goes_through_the_connection(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    array = np.arange(MEGABYTE)
    with an_environment() as environment:
        monkeypatch.setattr(os, "pwrite", refuse)
        assert_same(array, environment.execute(MODULE, "echo", (array,)))
        monkeypatch.undo()
        assert_same(array, environment.execute(MODULE, "echo", (array,)))
        assert 0 == taken([environment])


def test_a_worker_whose_files_are_limited_sends_results_all_the_same() -> None:
    """RLIMIT_FSIZE lets pwrite fail after some of the buffer, as a full machine does."""
    with an_environment() as environment:
        environment.execute(MODULE, "limits_files", (MEGABYTE,))
        for _ in range(3):
            assert_same(np.ones(MEGABYTE), environment.execute(MODULE, "ones", (MEGABYTE,)))


@pytest.mark.parametrize("rounds", [3])
def test_a_worker_without_memory_fails_one_call_and_serves_the_next(
    monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")  # so that the worker needs memory of its own
    array = np.ones(64 * MEGABYTE, "u1")
    with an_environment() as environment:
        worker = pids(environment)
        environment.execute(MODULE, "total", (np.ones(1),))
        environment.execute(MODULE, "limits_addresses", (32 * MEGABYTE,))
        for _ in range(rounds):
            with pytest.raises(ExecutionException, match=r"no memory for 67,108,864 bytes") as caught:
                environment.execute(MODULE, "total", (array,))
            assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
            assert 1000.0 == environment.execute(MODULE, "total", (np.ones(1000),))

        assert worker == pids(environment)


def test_a_function_that_finds_no_memory_fails_alone() -> None:
    with an_environment() as environment:
        worker = pids(environment)
        environment.execute(MODULE, "limits_addresses", (32 * MEGABYTE,))
        with pytest.raises(ExecutionException, match="MemoryError"):
            environment.execute(MODULE, "ones", (16 * MEGABYTE,))
        echo: Anything = environment.execute(MODULE, "echo", (np.ones(MEGABYTE),))

        assert_same(np.ones(MEGABYTE), echo)
        assert worker == pids(environment)
